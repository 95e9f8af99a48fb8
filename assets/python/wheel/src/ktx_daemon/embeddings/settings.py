"""Settings from the environment, validated before anything is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ktx_daemon.embeddings.model_files import SETUP
from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError

#: The model's folder, set by `ktx`. No other place is searched, and nothing is ever downloaded.
MODEL_DIRECTORY_VARIABLE = "KTX_EMBEDDINGS_MODEL_DIR"
#: Number of computing threads. Default: the number of processors, up to `MOST_THREADS`.
THREADS_VARIABLE = "KTX_EMBEDDINGS_THREADS"
#: More threads hardly speed up a batch, and this runs beside other work.
MOST_THREADS = 4
#: Seconds without a request after which the engine frees its memory; 0 keeps it.
IDLE_VARIABLE = "KTX_EMBEDDINGS_IDLE_SECONDS"
DEFAULT_IDLE_SECONDS = 300


class SettingError(ValueError):
    """A variable has an invalid value; the message names both and says what to do."""


@dataclass(frozen=True)
class EmbeddingSettings:
    """Settings of the engine."""

    #: None: no model is configured, as with `core` alone.
    model_directory: Path | None
    threads: int
    idle_seconds: int
    #: The variables that are set, verbatim: `ktx` compares them to decide whether to reuse a daemon.
    as_given: Mapping[str, str] = field(default_factory=dict)

    def require_model(self) -> Path:
        """Raises EmbeddingsUnavailableError when no folder is configured."""
        if self.model_directory is None:
            raise EmbeddingsUnavailableError(
                f"no folder with the embedding model is given ({MODEL_DIRECTORY_VARIABLE} is not set). {SETUP}"
            )
        return self.model_directory


def read_settings(environ: Mapping[str, str]) -> EmbeddingSettings:
    """Raises SettingError for an invalid value."""
    directory = environ.get(MODEL_DIRECTORY_VARIABLE)
    return EmbeddingSettings(
        model_directory=Path(directory).absolute() if directory else None,
        threads=count_threads(environ),
        idle_seconds=_number(environ, IDLE_VARIABLE, 0, 86_400, DEFAULT_IDLE_SECONDS),
        as_given={name: environ[name] for name in (THREADS_VARIABLE, IDLE_VARIABLE) if environ.get(name)},
    )


def count_threads(environ: Mapping[str, str]) -> int:
    """Number of computing threads. Raises SettingError for a setting that is not a number from 1 to 1024."""
    return _number(environ, THREADS_VARIABLE, 1, 1024, min(_processors(), MOST_THREADS))


def _number(environ: Mapping[str, str], name: str, least: int, most: int, default: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    # `isdecimal` alone accepts digits of other scripts too.
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not least <= int(text) <= most:
        raise SettingError(f"{name} is {text[:40]!r}. Set a number from {least} to {most}, or run: unset {name}")
    return int(text)


def _processors() -> int:
    # A container or `taskset` may allow fewer processors than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
