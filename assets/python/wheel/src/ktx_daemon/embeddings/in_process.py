"""Runs any provider in this process in place of the engine's process: for other engines, and for tests."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence

from ktx_daemon.embeddings.engine_process import Computed
from ktx_daemon.embeddings.provider import EmbeddingProvider, EngineFailedError
from ktx_daemon.embeddings.queue import EmbeddingQueue
from ktx_daemon.embeddings.service import check_vectors


class InProcessEngine:
    """Passes batches to a provider, one at a time, in a worker thread. Every text counts as one token."""

    description = "custom"

    def __init__(self, provider: EmbeddingProvider) -> None:
        self._provider = provider
        self.max_texts = provider.max_batch_size
        self.ended = False

    async def compute(self, texts: Sequence[bytes]) -> Computed:
        """Raises EngineFailedError for any error of the provider, and for invalid results."""
        decoded = [text.decode() for text in texts]
        try:
            vectors = await asyncio.to_thread(self._provider.embed, decoded)
            check_vectors(vectors, len(texts))
        except Exception as error:
            raise EngineFailedError(str(error)) from error
        counts = [2 + max(1, len(text.split())) for text in decoded]
        return Computed(counts, [struct.pack(f"<{len(vector)}f", *vector) for vector in vectors])

    async def end(self) -> None:
        self.ended = True


class EmbeddingService(EmbeddingQueue):
    """A queue whose engine is a provider, loaded in a worker thread with the first text."""

    def __init__(self, load_provider: Callable[[], EmbeddingProvider], *, idle_seconds: float = 0) -> None:
        async def start() -> InProcessEngine:
            return InProcessEngine(await asyncio.to_thread(load_provider))

        super().__init__(start, idle_seconds=idle_seconds)
