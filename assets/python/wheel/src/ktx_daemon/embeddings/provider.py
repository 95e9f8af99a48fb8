"""What computes vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

#: Length of every vector: the model is all-MiniLM-L6-v2.
DIMENSIONS = 384


class EmbeddingProvider(Protocol):
    """Computes vectors. `EmbeddingService` calls it from worker threads, one call at a time."""

    @property
    def max_batch_size(self) -> int:
        """How many texts one call of `embed` takes at most."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector of `DIMENSIONS` finite numbers for each text, in the same order. No text is blank."""


class EmbeddingsUnavailableError(RuntimeError):
    """This installation cannot compute embeddings; the message says what to do."""
