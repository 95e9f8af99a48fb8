"""What computes vectors, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

#: Length of every vector: the model is all-MiniLM-L6-v2.
DIMENSIONS = 384

#: Modules of the extra `local-embeddings`, by import name.
EXTRA_MODULES = ("numpy", "onnxruntime", "tokenizers")


class EmbeddingProvider(Protocol):
    """Computes vectors. `EmbeddingService` calls it from worker threads, one call at a time."""

    @property
    def max_batch_size(self) -> int:
        """How many texts one call of `embed` takes at most."""

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector of `DIMENSIONS` finite numbers for each text, in the same order. No text is blank."""


class EmbeddingsUnavailableError(RuntimeError):
    """This installation cannot compute embeddings; the message says what to do."""


def load_provider() -> EmbeddingProvider:
    """
    Loads the model; takes as long as that takes, so it is called from a worker thread at the first request.

    Raises EmbeddingsUnavailableError when the extra is not installed.
    """
    missing = [name for name in EXTRA_MODULES if find_spec(name) is None]
    if missing:
        raise EmbeddingsUnavailableError(
            f"the local-embeddings feature is not installed (no module {', '.join(missing)}). "
            "Run: ktx admin runtime install --feature local-embeddings --yes"
        )
    raise EmbeddingsUnavailableError(
        "this version of ktx has no embedding engine. Run: ktx setup after the next update"
    )
