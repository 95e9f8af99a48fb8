"""
Processes that parse SQL, started on demand and ended when idle.

Each process is owned by one thread of the daemon, which passes it chunks of texts, collects the answers and replaces it
when it dies. A text that kills its process affects only itself.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ktx_daemon.sql.launch import launch_worker
from ktx_daemon.sql.protocol import ALIVE, CRASHED_TEXT, READY, TIMED_OUT, timed_out_text

MOST_WORKERS = 8
#: One text that uses all its time must not block everyone.
FEWEST_WORKERS = 2
IDLE_SECONDS = 60.0
#: A worker limits the processor time per text itself and reports that it is alive, however slow the machine. One that
#: is silent for this long hangs.
HANG_SECONDS = 180.0

#: Requests with a caller waiting take precedence over batches.
INTERACTIVE, BATCH = 0, 1


@dataclass(frozen=True)
class CatalogLines:
    """A catalog as one message, identified by this object."""

    message: bytes


@dataclass(order=True)
class Chunk:
    """Texts for one worker. `future` receives one JSON document per text, as bytes."""

    priority: int
    number: int
    task: str = field(compare=False)
    #: Arguments of the task, one entry per text.
    items: Sequence[Sequence[Any]] = field(compare=False)
    #: Builds the answer for a lost text from its error message.
    failed: Callable[[str], bytes] = field(compare=False)
    catalog: CatalogLines | None = field(compare=False, default=None)
    future: Future[list[bytes]] = field(compare=False, default_factory=Future)


class WorkerPool:
    """Runs chunks in up to `size` processes. Thread-safe."""

    def __init__(self, size: int | None = None, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self.size = size or max(FEWEST_WORKERS, min(_processors(), MOST_WORKERS))
        self._idle_seconds = idle_seconds
        self._chunks: queue.PriorityQueue[Chunk] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting = 0

    def submit(
        self,
        priority: int,
        task: str,
        items: Sequence[Sequence[Any]],
        failed: Callable[[str], bytes],
        catalog: CatalogLines | None = None,
    ) -> Future[list[bytes]]:
        """
        Queues texts for one worker. The result has one answer per text, in order.

        The future raises RuntimeError when no worker can be started; one that is cancelled before its turn costs
        nothing.
        """
        chunk = Chunk(priority, next(self._numbers), task, items, failed, catalog)
        with self._lock:
            self._chunks.put(chunk)
            if self._waiting < self._chunks.qsize() and self._threads < self.size:
                self._threads += 1
                threading.Thread(target=self._serve, daemon=True, name="ktx-sql").start()
        return chunk.future

    def warm(self, launched: subprocess.Popen[bytes]) -> None:
        """Takes over a process that `launch_worker` has started, for work that is certain to come."""
        with self._lock:
            self._threads += 1
            # It counts as waiting, so that no other one is started for the first chunk.
            self._waiting += 1
        threading.Thread(target=self._serve_warm, args=(launched,), daemon=True, name="ktx-sql").start()

    def _serve_warm(self, launched: subprocess.Popen[bytes]) -> None:
        worker: _Worker | None = None
        # If it fails again, the next request gets the reason.
        with contextlib.suppress(RuntimeError):
            worker = _Worker(launched)
        with self._lock:
            self._waiting -= 1
        self._serve(worker)

    def _serve(self, worker: _Worker | None = None) -> None:
        while True:
            with self._lock:
                self._waiting += 1
            try:
                chunk = self._chunks.get(timeout=self._idle_seconds)
            except queue.Empty:
                chunk = None
            with self._lock:
                self._waiting -= 1
                if chunk is None and self._chunks.empty():
                    self._threads -= 1
                    break
            if chunk is None or not chunk.future.set_running_or_notify_cancel():
                continue
            try:
                worker, answers = _answer(chunk, worker)
                chunk.future.set_result(answers)
            except Exception as error:
                worker = None
                chunk.future.set_exception(error)
        if worker:
            worker.end()


def _answer(chunk: Chunk, worker: _Worker | None) -> tuple[_Worker | None, list[bytes]]:
    answers: list[bytes] = []
    while len(answers) < len(chunk.items):
        if worker is None:
            worker = _Worker()
        lost = worker.ask(chunk, len(answers), answers)
        if lost is not None:
            answers.append(chunk.failed(lost))
            worker.end()
            worker = None
    return worker, answers


class _Worker:
    """One process. Raises RuntimeError when it does not start."""

    def __init__(self, launched: subprocess.Popen[bytes] | None = None) -> None:
        self._process = launched or launch_worker(alive_seconds=HANG_SECONDS / 18)
        self._catalog: CatalogLines | None = None
        self._heard = time.monotonic()
        self._is_asked = True
        threading.Thread(target=self._watch, daemon=True).start()
        first = self._read()
        if first != READY:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self._process.kill()
            reason = json.loads(first) if first.startswith(b'"') else self._last_words()
            self.end()
            raise RuntimeError(f"the SQL analysis process does not start: {reason}")
        # From here on it writes its errors nowhere.
        assert self._process.stderr
        self._process.stderr.close()
        self._is_asked = False

    def ask(self, chunk: Chunk, start: int, answers: list[bytes]) -> str | None:
        """
        Appends the answers to the texts from `start` on; returns the error message of the text that ended the process,
        if any.
        """
        message = {"task": chunk.task, "items": chunk.items[start:], "has_catalog": chunk.catalog is not None}
        self._heard = time.monotonic()
        self._is_asked = True
        try:
            if chunk.catalog is not None and chunk.catalog is not self._catalog:
                self._write(chunk.catalog.message)
                self._catalog = chunk.catalog
            self._write(json.dumps(message).encode())
        except OSError:
            return CRASHED_TEXT
        while len(answers) < len(chunk.items):
            line = self._read()
            if line == TIMED_OUT:
                return timed_out_text()
            if not line:
                return CRASHED_TEXT
            answers.append(line)
        self._is_asked = False
        return None

    def end(self) -> None:
        """Ends the process."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()

    def _last_words(self) -> str:
        """How it ended and the last line of its errors, such as that of a traceback."""
        assert self._process.stderr
        printed = self._process.stderr.read().decode("utf-8", "replace").split("\n")
        lines = [line.strip() for line in printed if line.strip()]
        return ", ".join([f"exit code {self._process.wait()}", *lines[-1:]])

    def _write(self, line: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def _read(self) -> bytes:
        assert self._process.stdout
        while (line := self._process.stdout.readline()) == ALIVE + b"\n":
            self._heard = time.monotonic()
        self._heard = time.monotonic()
        # Half a line means the process was killed while writing.
        return line[:-1] if line.endswith(b"\n") else b""

    def _watch(self) -> None:
        while self._process.poll() is None:
            if self._is_asked and time.monotonic() - self._heard > HANG_SECONDS:
                self._process.kill()
                return
            time.sleep(1)


def _processors() -> int:
    # A container or `taskset` may allow fewer processors than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
