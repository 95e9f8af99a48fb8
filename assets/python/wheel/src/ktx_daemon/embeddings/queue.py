"""The queue in front of the engine: turns, abandoned requests, unloading when idle, draining."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ktx_daemon.embeddings.engine_process import Computed, EngineGoneError, EngineProcess
from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError, EngineFailedError, StoppingError
from ktx_daemon.embeddings.service import InvalidTextsError
from ktx_daemon.embeddings.turns import Batch, Job, Turns

logger = logging.getLogger("ktx_daemon")

#: A batch whose engine died is retried once, with a new engine.
ATTEMPTS = 2
#: Assumed until there is a measurement.
_TOKENS_PER_SECOND = 2000.0


class Engine(Protocol):
    """The part of `EngineProcess` that the queue uses."""

    description: str
    #: How many texts of one request it accepts; None: any number.
    max_texts: int | None

    async def compute(self, texts: Sequence[bytes]) -> Computed: ...

    async def end(self) -> None: ...


class _Waiting(Job):
    """A job with a caller waiting for it."""

    def __init__(self, texts: Sequence[bytes], encode: Callable[[bytes], bytes]) -> None:
        super().__init__(texts, encode)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        self.drop_rest()
        if not self.done.done():
            self.done.set_exception(error)


class EmbeddingQueue:
    """
    Computes the texts of many requests with one engine, in batches.

    The engine is started with the first text and ended after `idle_seconds` without one (0: never). Must be used from a
    single event loop.
    """

    def __init__(
        self, start_engine: Callable[[], Awaitable[Engine]] = EngineProcess.start, *, idle_seconds: float = 0
    ) -> None:
        self._start_engine = start_engine
        self._idle_seconds = idle_seconds
        self._turns = Turns()
        self._computing: Batch | None = None
        self._engine: Engine | None = None
        self._runner: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._finishing: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._tokens_per_second = _TOKENS_PER_SECOND
        #: The engine's description of itself; empty before the first one was loaded.
        self.engine_description = ""
        #: Why the engine failed to load the last time; empty if it did not.
        self.problem = ""

    @property
    def state(self) -> str:
        """
        `loaded`: the next vector is computed at once; `unloaded`: the engine must be loaded first; `failed`: it failed
        to load the last time, see `problem`.
        """
        if self.problem:
            return "failed"
        return "loaded" if self._engine else "unloaded"

    @property
    def retry_after_seconds(self) -> int:
        """Roughly how long the current queue will take."""
        return max(1, min(60, round(self._turns.tokens_waiting / self._tokens_per_second)))

    async def compute(self, texts: Sequence[bytes], encode: Callable[[bytes], bytes]) -> Job:
        """
        The finished job with its encoded vectors and token counts. Cancelling the call abandons the texts; at most the
        current batch is computed for nothing.

        `encode` converts a vector's bytes into the form kept until the answer is complete. Raises
        EmbeddingsUnavailableError, EngineFailedError, InvalidTextsError for more texts than the engine accepts, and
        StoppingError while the daemon is stopping.
        """
        if self._is_stopping:
            raise StoppingError("the daemon is stopping")
        job = _Waiting(texts, encode)
        self._turns.add(job)
        self._wake.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        try:
            await job.done
        finally:
            self._turns.remove(job)
        return job

    async def drain(self, seconds: float) -> None:
        """Accepts nothing new, finishes accepted jobs for up to `seconds`, refuses the rest, and ends the engine."""
        self._is_stopping = True
        deadline = asyncio.get_running_loop().time() + seconds
        while self._is_busy and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        self._fail_waiting(StoppingError("the daemon is stopping"))
        if self._computing:
            self._fail_batch(self._computing, StoppingError("the daemon is stopping"))
        if self._runner:
            self._runner.cancel()
        await self._end_engine()

    @property
    def _is_busy(self) -> bool:
        return self._computing is not None or any(True for _ in self._turns) or bool(self._finishing)

    async def _run(self) -> None:
        while True:
            batch = self._turns.next_batch()
            if batch is None:
                await self._rest()
                continue
            self._computing = batch
            try:
                await self._compute(batch)
            except Exception as error:
                logger.exception("a batch failed")
                self._fail_batch(batch, error)
            finally:
                self._computing = None

    async def _rest(self) -> None:
        """Waits for work."""
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), self._idle_seconds or None)
        except TimeoutError:
            await self._end_engine()
            await self._wake.wait()

    async def _compute(self, batch: Batch) -> None:
        failure: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                if self._engine is None:
                    self._engine = await self._start_engine()
                    self.engine_description = self._engine.description
                    self.problem = ""
                if self._fail_larger_than(batch, self._engine.max_texts):
                    return
                started = asyncio.get_running_loop().time()
                computed = await self._engine.compute(batch.texts)
            except EmbeddingsUnavailableError as error:
                # Everyone waiting would get the same error; later requests try again.
                logger.error("%s", error)
                self.problem = str(error)
                self._fail_batch(batch, error)
                self._fail_waiting(error)
                return
            except EngineGoneError as error:
                logger.warning("%s; it is started anew", error)
                failure = error
                await self._end_engine()
            except EngineFailedError as error:
                failure = error
                break
            else:
                self._learn_speed(computed, asyncio.get_running_loop().time() - started)
                # Done while the engine computes the next batch.
                task = asyncio.create_task(self._finish(batch, computed))
                self._finishing.add(task)
                task.add_done_callback(self._finishing.discard)
                return
        if len(batch.items) > 1:
            # One text may have made the whole batch fail: retry each alone.
            for job, index in batch.items:
                alone = Batch()
                alone.add(job, index)
                await self._compute(alone)
            return
        self._fail_batch(batch, EngineFailedError(str(failure)))

    async def _finish(self, batch: Batch, computed: Computed) -> None:
        for (job, index), count, vector in zip(batch.items, computed.token_counts, computed.vectors, strict=True):
            assert isinstance(job, _Waiting)
            if job.done.done():
                continue
            job.vectors[index] = job.encode(vector)
            job.token_counts[index] = count
            job.missing -= 1
            if job.missing == 0:
                job.done.set_result(None)

    def _fail_larger_than(self, batch: Batch, max_texts: int | None) -> bool:
        """Refuses the batch of a job with too many texts. Jobs with several texts never share a batch."""
        if max_texts is None or len(batch.items[0][0].texts) <= max_texts:
            return False
        self._fail_batch(batch, InvalidTextsError(f"Maximum {max_texts} texts allowed per batch"))
        return True

    def _learn_speed(self, computed: Computed, seconds: float) -> None:
        speed = sum(computed.token_counts) / max(seconds, 1e-3)
        self._tokens_per_second += 0.1 * (speed - self._tokens_per_second)

    def _fail_batch(self, batch: Batch, error: Exception) -> None:
        for job, _ in batch.items:
            assert isinstance(job, _Waiting)
            self._turns.remove(job)
            job.fail(error)

    def _fail_waiting(self, error: Exception) -> None:
        for job in self._turns:
            assert isinstance(job, _Waiting)
            self._turns.remove(job)
            job.fail(error)

    async def _end_engine(self) -> None:
        engine, self._engine = self._engine, None
        if engine:
            await engine.end()
