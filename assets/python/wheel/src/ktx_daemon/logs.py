"""The daemon's log, rate-limited and bounded in size."""

from __future__ import annotations

import logging
import os
import stat
import time
from typing import Any

#: This many lines at once, then one every `REFILL_SECONDS`; the next line says how many were dropped.
BURST_LINES = 100
REFILL_SECONDS = 10.0
MAX_LINE_CHARACTERS = 4000
#: A log file is truncated at this size. `ktx` also rotates a large one when it starts the daemon.
MAX_FILE_BYTES = 4 * 1024 * 1024


class BoundedHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to stderr at a limited rate and into a file of limited size."""

    def __init__(self) -> None:
        super().__init__()
        self._tokens = float(BURST_LINES)
        self._refilled_at = time.monotonic()
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        self._tokens = min(float(BURST_LINES), self._tokens + (now - self._refilled_at) / REFILL_SECONDS)
        self._refilled_at = now
        if self._tokens < 1:
            self._left_out += 1
            return
        self._tokens -= 1
        begin_anew_when_large(self.stream)
        if self._left_out:
            self.stream.write(f"{self._left_out} log lines were left out\n")
            self._left_out = 0
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if len(text) <= MAX_LINE_CHARACTERS else f"{text[:MAX_LINE_CHARACTERS]} …"


def begin_anew_when_large(stream: Any, max_bytes: int = MAX_FILE_BYTES) -> None:
    """Truncates the file behind an append stream once it has grown too large."""
    try:
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_size > max_bytes:
            os.ftruncate(stream.fileno(), 0)
            stream.write(f"The log had more than {max_bytes} bytes and begins anew\n")
    except (OSError, ValueError, AttributeError):
        return


def log_config(level: str) -> dict[str, Any]:
    """The `logging` configuration for uvicorn and the daemon."""
    name = "DEBUG" if level == "trace" else level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(message)s"}},
        "handlers": {"stderr": {"class": "ktx_daemon.logs.BoundedHandler", "formatter": "plain"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "uvicorn": {"level": name},
            "uvicorn.error": {"level": name},
            "uvicorn.access": {"level": name},
            "ktx_daemon": {"level": name},
        },
    }
