"""The promises about embeddings, whatever computes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from threading import Lock

from ktx_daemon.embeddings.provider import DIMENSIONS, EmbeddingProvider


class InvalidTextsError(ValueError):
    """The texts cannot be embedded; the message is meant for the caller."""


def refuse_blank_texts(texts: Sequence[str]) -> None:
    """Raises InvalidTextsError naming the positions of texts that are empty or white space."""
    blank = [index for index, text in enumerate(texts) if not text.strip()]
    if blank:
        raise InvalidTextsError(f"Empty texts found at indices: {', '.join(map(str, blank))}")


class EmbeddingService:
    """
    Loads the provider at the first use and checks what goes in and what comes out.

    Safe to call from several threads; they take turns, so that two batches never need the memory of two. A load
    that failed is tried again at the next call.
    """

    def __init__(self, load_provider: Callable[[], EmbeddingProvider]) -> None:
        self._load_provider = load_provider
        self._provider: EmbeddingProvider | None = None
        self._turn = Lock()

    def compute(self, texts: Sequence[str]) -> list[list[float]]:
        """
        One vector of `DIMENSIONS` finite numbers for each text, in the same order.

        Raises InvalidTextsError for blank texts (before anything is loaded) and for more texts than the provider
        takes, RuntimeError when the provider breaks its own promise, and whatever loading and computing raise.
        """
        refuse_blank_texts(texts)
        with self._turn:
            if self._provider is None:
                self._provider = self._load_provider()
            provider = self._provider
            if len(texts) > provider.max_batch_size:
                raise InvalidTextsError(f"Maximum {provider.max_batch_size} texts allowed per batch")
            vectors = [[float(number) for number in vector] for vector in provider.embed(texts)]
        _check_vectors(vectors, len(texts))
        return vectors


def _check_vectors(vectors: list[list[float]], expected: int) -> None:
    if len(vectors) != expected:
        raise RuntimeError(f"the provider returned {len(vectors)} vectors for {expected} texts")
    for index, vector in enumerate(vectors):
        if len(vector) != DIMENSIONS:
            raise RuntimeError(f"the provider returned {len(vector)} numbers instead of {DIMENSIONS} for text {index}")
        if not all(map(math.isfinite, vector)):
            raise RuntimeError(f"the provider returned a number that is not finite for text {index}")
