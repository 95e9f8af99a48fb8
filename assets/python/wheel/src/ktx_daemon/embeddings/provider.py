"""The interface of engines, and its errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

#: Length of every vector: the model is all-MiniLM-L6-v2.
DIMENSIONS = 384


class EmbeddingProvider(Protocol):
    """Computes vectors in this process. Called from one thread at a time."""

    @property
    def max_batch_size(self) -> int:
        """How many texts one call of `embed` accepts."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector of `DIMENSIONS` finite numbers per text, in order. No text is blank."""


class EmbeddingsUnavailableError(RuntimeError):
    """This installation cannot compute embeddings; the message names the cause and a command that helps."""


class EngineFailedError(RuntimeError):
    """The engine ended or failed on a batch; the message is meant for the caller."""


class BusyError(RuntimeError):
    """The queue is full. `retry_after_seconds` says when to try again."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"The daemon has as much work as it keeps in memory. Try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class StoppingError(RuntimeError):
    """The daemon was told to stop before it got to this request."""
