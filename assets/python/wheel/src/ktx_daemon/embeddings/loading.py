"""Where the provider comes from: what must be installed, which model, how many threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ktx_daemon.embeddings.provider import EmbeddingProvider, EmbeddingsUnavailableError

#: Modules of the extra `local-embeddings`, by import name.
EXTRA_MODULES = ("numpy", "onnxruntime", "tokenizers")

#: The folder with the model's files. `ktx` sets it; nothing is looked for elsewhere, nothing is ever downloaded.
MODEL_DIRECTORY_VARIABLE = "KTX_EMBEDDINGS_MODEL_DIR"
#: How many threads compute; without it as many as there are processors, up to `MOST_THREADS`.
THREADS_VARIABLE = "KTX_EMBEDDINGS_THREADS"
#: More make a batch of 16 texts hardly faster, and this runs beside somebody's work.
MOST_THREADS = 4

#: The model's files with their sizes in bytes. Their digests were checked when they were installed.
MODEL_FILES = {"config.json": 612, "model.safetensors": 90_868_376, "tokenizer.json": 466_247}

SETUP = "Run: ktx setup --feature local-embeddings"


def load_provider() -> EmbeddingProvider:
    """
    Loads the model; takes as long as that takes, so it is called from a worker thread at the first request.

    Raises EmbeddingsUnavailableError when the extra is not installed, when a file of the model is missing or of
    another size, and for a number of threads that is none.
    """
    missing = [name for name in EXTRA_MODULES if find_spec(name) is None]
    if missing:
        raise EmbeddingsUnavailableError(
            f"the local-embeddings feature is not installed (no module {', '.join(missing)}). "
            "Run: ktx admin runtime install --feature local-embeddings --yes"
        )
    directory = find_model(os.environ)
    threads = count_threads(os.environ)
    # Read by the libraries when they are first used. Neither is needed for what they do here, and both would start a
    # thread for every processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    from ktx_daemon.embeddings.engine import OnnxProvider

    return OnnxProvider(directory, threads)


def find_model(environ: Mapping[str, str]) -> Path:
    """The folder with the model's files. Raises EmbeddingsUnavailableError naming it and what is wrong."""
    name = environ.get(MODEL_DIRECTORY_VARIABLE)
    if not name:
        raise EmbeddingsUnavailableError(
            f"no folder with the embedding model is given ({MODEL_DIRECTORY_VARIABLE} is not set). {SETUP}"
        )
    directory = Path(name).absolute()
    problems = [problem for file, size in MODEL_FILES.items() if (problem := _problem(directory / file, size))]
    if problems:
        raise EmbeddingsUnavailableError(
            f"the embedding model in {directory} is not complete ({'; '.join(problems)}). {SETUP}"
        )
    return directory


def _problem(path: Path, expected: int) -> str | None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    return None if size == expected else f"{path.name} has {size} bytes instead of {expected}"


def count_threads(environ: Mapping[str, str]) -> int:
    """How many threads compute. Raises EmbeddingsUnavailableError for a setting that is not a number from 1 on."""
    wanted = environ.get(THREADS_VARIABLE)
    if not wanted:
        return min(_processors(), MOST_THREADS)
    if not wanted.isdecimal() or not 1 <= int(wanted) <= 1024:
        raise EmbeddingsUnavailableError(f"{THREADS_VARIABLE} is {wanted!r}. Set a number from 1 to 1024, or unset it")
    return int(wanted)


def _processors() -> int:
    # A container or `taskset` may allow fewer than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
