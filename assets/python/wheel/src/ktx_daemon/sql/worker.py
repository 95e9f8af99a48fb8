"""
The parsing process. Started by `ktx_daemon.sql.pool`; communicates in JSON lines on stdin and stdout.

An input line is a chunk of texts, or a catalog for the following chunks; each text is answered with one line, in order.
A text that exceeds its time limit ends the process, after a line that says so; a closed stdin ends it at once.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ktx_daemon.sql.protocol import ALIVE, READY, TIMED_OUT, time_limit_seconds

#: 200 levels of subqueries take about 9,000 frames.
RECURSION_LIMIT = 40_000
#: Windows refuses 256 MiB, and so does Python there.
STACK_BYTES = 255 * 1024 * 1024
MEMORY_LIMIT_BYTES = 4 * 1024 * 1024 * 1024
WATCH_SECONDS = 0.2
#: The share of time that a worker must compute to count as working: watching alone uses less.
LEAST_WORK = 0.01
#: Trees contain cycles, so they need the garbage collector; at its default rate it takes a tenth of the time.
GC_THRESHOLDS = (20_000, 20, 50)


class Worker:
    """Answers chunks in a thread with a large stack, while another thread watches the time of each text."""

    def __init__(self, alive_seconds: float) -> None:
        self._alive_seconds = alive_seconds
        self._chunks: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._out = sys.stdout.buffer
        self._limit_seconds = time_limit_seconds()
        #: Processor time of this process when the current text began; None between texts.
        self._begun: float | None = None

    def run(self) -> None:
        """Never returns: the process ends when stdin closes."""
        threading.stack_size(STACK_BYTES)
        threading.Thread(target=self._work, daemon=True).start()
        threading.stack_size(0)
        threading.Thread(target=self._watch, daemon=True).start()
        for line in sys.stdin:
            self._chunks.put(line)
        os._exit(0)

    def _work(self) -> None:
        try:
            tasks = _load_tasks()
        except Exception as error:
            self._say(json.dumps(f"{type(error).__name__}: {error}").encode())
            os._exit(1)
        # The daemon listens to errors until the process is ready.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        # Imports leave a few hundred dead objects; to find them among the others takes as long as a sixth of the imports.
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()
        self._say(READY)
        catalog: Any = None
        while True:
            message = json.loads(self._chunks.get())
            if "catalog" in message:
                catalog = tasks["catalog"](message["catalog"])
                continue
            task = tasks[message["task"]]
            context = catalog if message["has_catalog"] else None
            for item in message["items"]:
                self._begun = time.process_time()
                answer = json.dumps(task(*item, context), separators=(",", ":")).encode()
                self._begun = None
                self._say(answer)

    def _watch(self) -> None:
        # Processor time, because a text takes longer on a busy machine through no fault of its own.
        spoken, used = time.monotonic(), time.process_time()
        while True:
            time.sleep(WATCH_SECONDS)
            begun = self._begun
            if begun is not None and time.process_time() - begun > self._limit_seconds and self._begun == begun:
                self._say(TIMED_OUT)
                os._exit(3)
            passed = time.monotonic() - spoken
            if passed > self._alive_seconds:
                now = time.process_time()
                if now - used > passed * LEAST_WORK:
                    self._say(ALIVE)
                spoken, used = time.monotonic(), now

    def _say(self, line: bytes) -> None:
        self._out.write(line + b"\n")
        self._out.flush()


def _load_tasks() -> dict[str, Callable[..., Any]]:
    _import_sqlglot()
    from ktx_daemon.sql.analysis import analyse
    from ktx_daemon.sql.catalog import Catalog
    from ktx_daemon.sql.identifiers import parse_identifier
    from ktx_daemon.sql.read_only import find_write

    return {
        "analyse": analyse,
        "catalog": Catalog,
        "verdict": lambda sql, dialect, _: _verdict(find_write(sql, dialect)),
        "identifier": lambda text, dialect, _: parse_identifier(text, dialect),
    }


def _import_sqlglot() -> None:
    """
    Imports sqlglot, but `importlib.metadata` only when it is used: to look for a dialect that sqlglot does not have.
    Loading it takes a sixth of the time of this import.
    """
    name = "importlib.metadata"

    def entry_points(**selected: Any) -> Any:
        return importlib.import_module(name).entry_points(**selected)

    if name in sys.modules:
        return
    stand_in = ModuleType(name)
    stand_in.entry_points = entry_points  # type: ignore[attr-defined]
    sys.modules[name] = stand_in
    try:
        import sqlglot  # noqa: F401
    finally:
        del sys.modules[name]


def _verdict(problem: str | None) -> dict[str, Any]:
    return {"ok": problem is None, "error": problem}


def main() -> None:
    """Entry point of the process. Its argument is the interval, in seconds, at which it reports that it is working."""
    # A terminal sends Ctrl+C to the whole group; the daemon decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Until the imports are done, see `Worker._work`.
    gc.disable()
    sys.setrecursionlimit(RECURSION_LIMIT)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    Worker(float(sys.argv[1])).run()


if __name__ == "__main__":
    main()
