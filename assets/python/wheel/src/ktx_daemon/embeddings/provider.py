"""What computes vectors, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

#: Length of every vector: the model is all-MiniLM-L6-v2.
DIMENSIONS = 384


class EmbeddingProvider(Protocol):
    """Computes vectors in this process. Called from one thread at a time."""

    @property
    def max_batch_size(self) -> int:
        """How many texts one call of `embed` takes at most."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector of `DIMENSIONS` finite numbers for each text, in the same order. No text is blank."""


class EmbeddingsUnavailableError(RuntimeError):
    """This installation cannot compute embeddings; the message names the cause and one command that helps."""


class EngineFailedError(RuntimeError):
    """The engine ended or failed on a batch; the message is meant for the caller."""


class BusyError(RuntimeError):
    """More is waiting than this daemon keeps in memory. `retry_after_seconds` says when to ask again."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"The daemon has as much work as it keeps in memory. Try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class StoppingError(RuntimeError):
    """The daemon was told to stop and did not get to this request."""
