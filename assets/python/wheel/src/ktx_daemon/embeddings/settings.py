"""Settings from the environment, checked before anything is started with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ktx_daemon.embeddings.model_files import SETUP
from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError

#: The folder with the model's files. `ktx` sets it; nothing is looked for elsewhere, nothing is ever downloaded.
MODEL_DIRECTORY_VARIABLE = "KTX_EMBEDDINGS_MODEL_DIR"
#: How many threads compute; without it as many as there are processors, up to `MOST_THREADS`.
THREADS_VARIABLE = "KTX_EMBEDDINGS_THREADS"
#: More make a batch hardly faster, and this runs beside somebody's work.
MOST_THREADS = 4
#: After how many seconds without a request the engine gives its memory back; 0 keeps it.
IDLE_VARIABLE = "KTX_EMBEDDINGS_IDLE_SECONDS"
DEFAULT_IDLE_SECONDS = 300


class SettingError(ValueError):
    """A variable has a value that it cannot have; the message names both and what to do."""


@dataclass(frozen=True)
class EmbeddingSettings:
    """What the engine is run with."""

    #: None: no model is configured, as with `core` alone.
    model_directory: Path | None
    threads: int
    idle_seconds: int
    #: The variables that are set, as they are: by these `ktx` tells whether a daemon is the one that it would start.
    as_given: Mapping[str, str] = field(default_factory=dict)

    def require_model(self) -> Path:
        """Raises EmbeddingsUnavailableError when no folder is configured."""
        if self.model_directory is None:
            raise EmbeddingsUnavailableError(
                f"no folder with the embedding model is given ({MODEL_DIRECTORY_VARIABLE} is not set). {SETUP}"
            )
        return self.model_directory


def read_settings(environ: Mapping[str, str]) -> EmbeddingSettings:
    """Raises SettingError for a value that is not allowed."""
    directory = environ.get(MODEL_DIRECTORY_VARIABLE)
    return EmbeddingSettings(
        model_directory=Path(directory).absolute() if directory else None,
        threads=count_threads(environ),
        idle_seconds=_number(environ, IDLE_VARIABLE, 0, 86_400, DEFAULT_IDLE_SECONDS),
        as_given={name: environ[name] for name in (THREADS_VARIABLE, IDLE_VARIABLE) if environ.get(name)},
    )


def count_threads(environ: Mapping[str, str]) -> int:
    """How many threads compute. Raises SettingError for a setting that is not a number from 1 to 1024."""
    return _number(environ, THREADS_VARIABLE, 1, 1024, min(_processors(), MOST_THREADS))


def _number(environ: Mapping[str, str], name: str, least: int, most: int, default: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    # `isdecimal` alone takes digits of other scripts too.
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not least <= int(text) <= most:
        raise SettingError(f"{name} is {text[:40]!r}. Set a number from {least} to {most}, or run: unset {name}")
    return int(text)


def _processors() -> int:
    # A container or `taskset` may allow fewer than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
