"""Checks that apply to every engine, and computing in this process."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from ktx_daemon.embeddings.provider import DIMENSIONS, EmbeddingProvider


class InvalidTextsError(ValueError):
    """The texts cannot be embedded; the message is meant for the caller."""


def refuse_blank_texts(texts: Iterable[str]) -> None:
    """Raises InvalidTextsError naming the positions of texts that are empty or white space."""
    blank = [index for index, text in enumerate(texts) if not text or text.isspace()]
    if blank:
        raise InvalidTextsError(f"Empty texts found at indices: {', '.join(map(str, blank))}")


def compute_once(load_provider: Callable[[], EmbeddingProvider], texts: Sequence[str]) -> list[list[float]]:
    """
    One vector of `DIMENSIONS` finite numbers per text, in order, computed in this process.

    Raises InvalidTextsError for blank texts (before anything is loaded) and for more texts than the provider accepts,
    RuntimeError when the provider returns invalid vectors, and any error from loading and computing.
    """
    refuse_blank_texts(texts)
    provider = load_provider()
    if len(texts) > provider.max_batch_size:
        raise InvalidTextsError(f"Maximum {provider.max_batch_size} texts allowed per batch")
    vectors = [[float(number) for number in vector] for vector in provider.embed(texts)]
    check_vectors(vectors, len(texts))
    return vectors


def check_vectors(vectors: Sequence[Sequence[float]], expected: int) -> None:
    """Raises RuntimeError unless a provider returned `DIMENSIONS` finite numbers per text."""
    if len(vectors) != expected:
        raise RuntimeError(f"the provider returned {len(vectors)} vectors for {expected} texts")
    for index, vector in enumerate(vectors):
        if len(vector) != DIMENSIONS:
            raise RuntimeError(f"the provider returned {len(vector)} numbers instead of {DIMENSIONS} for text {index}")
        if not all(map(math.isfinite, vector)):
            raise RuntimeError(f"the provider returned a number that is not finite for text {index}")
