"""Starts and queries the engine's process, and describes how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ktx_daemon.embeddings import frames
from ktx_daemon.embeddings.model_files import SETUP
from ktx_daemon.embeddings.provider import DIMENSIONS, EmbeddingsUnavailableError, EngineFailedError

COMMAND = (sys.executable, "-I", "-m", "ktx_daemon.embeddings.worker")
VECTOR_BYTES = 4 * DIMENSIONS
#: Once told to end, it has at most one batch to finish.
END_SECONDS = 5


class EngineGoneError(RuntimeError):
    """The process ended before it answered. The batch may be retried with a new one."""


@dataclass(frozen=True)
class Computed:
    """The answer to one batch."""

    token_counts: Sequence[int]
    #: Each `VECTOR_BYTES` of float32, little-endian.
    vectors: Sequence[bytes]


class EngineProcess:
    """One engine; created by `start`. Processes one batch at a time."""

    max_texts = None

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        #: The engine's description of itself.
        self.description = ""

    @classmethod
    async def start(cls, command: Sequence[str] = COMMAND) -> EngineProcess:
        """
        Starts the engine and waits until it has verified and loaded the model.

        Raises EmbeddingsUnavailableError with the engine's message, or saying how the process ended.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise EmbeddingsUnavailableError(
                f"the embedding engine cannot be started: {command[0]}: {error.strerror}. {SETUP}"
            ) from error
        engine = cls(process)
        try:
            frame = await engine._receive()
            if frame is None:
                ending = await engine._ending()
                raise EmbeddingsUnavailableError(
                    f"the embedding engine {ending} while it loaded the model. {advice(process.returncode)}"
                )
            kind, payload = frame
            if kind != frames.READY:
                raise EmbeddingsUnavailableError(payload.decode(errors="replace"))
        except BaseException:
            await engine.end()
            raise
        engine.description = payload.decode()
        return engine

    @property
    def pid(self) -> int:
        return self._process.pid

    async def compute(self, texts: Sequence[bytes]) -> Computed:
        """
        The vectors of one batch.

        Raises EngineFailedError with the engine's message, EngineGoneError when the process ended or must be replaced.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(frames.encode(frames.TEXTS, frames.encode_texts(texts)))
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            pass  # It has ended; the reason is read below.
        frame = await self._receive()
        if frame is None:
            raise EngineGoneError(f"the embedding engine {await self._ending()}. {advice(self._process.returncode)}")
        kind, answer = frame
        if kind == frames.STALE:
            raise EngineGoneError("a file of the embedding model was changed or replaced")
        if kind == frames.FAILED:
            raise EngineFailedError(answer.decode())
        start = 4 * len(texts)
        if kind != frames.VECTORS or len(answer) != start + VECTOR_BYTES * len(texts):
            raise EngineFailedError(f"the embedding engine gave {len(answer)} bytes for {len(texts)} texts")
        return Computed(
            struct.unpack_from(f"<{len(texts)}I", answer),
            [answer[at : at + VECTOR_BYTES] for at in range(start, len(answer), VECTOR_BYTES)],
        )

    async def end(self) -> None:
        """Lets it finish its batch, then ends it and waits until it is gone."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _receive(self) -> tuple[int, bytes] | None:
        assert self._process.stdout
        return await frames.receive(self._process.stdout)

    async def _ending(self) -> str:
        code = await self._process.wait()
        return f"was ended by {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"


def signal_name(number: int) -> str:
    """`SIGBUS` for 7."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def advice(return_code: int | None) -> str:
    """What to do about a process that ended this way."""
    ended_by = signal_name(-return_code) if return_code is not None and return_code < 0 else ""
    match ended_by:
        case "SIGILL":
            return (
                "This processor lacks an instruction that the engine needs (x86-64-v2). "
                "In a virtual machine, choose the host's processor type. Without embeddings: ktx setup --feature core"
            )
        case "SIGBUS":
            return f"A file of the model or of the engine was cut, or its disk failed, while it was read. {SETUP}"
        case "SIGKILL":
            return (
                "The system may have run out of memory. Free some, for example that of other projects' daemons. "
                "Run: ktx admin runtime stop --all"
            )
        case _:
            return SETUP
