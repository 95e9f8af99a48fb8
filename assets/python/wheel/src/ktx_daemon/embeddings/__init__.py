"""
Text embeddings: vectors of 384 numbers.

`EmbeddingService` holds what was promised to callers; an `EmbeddingProvider` does the computing and is replaceable.
"""

from ktx_daemon.embeddings.loading import load_provider
from ktx_daemon.embeddings.provider import DIMENSIONS, EmbeddingProvider, EmbeddingsUnavailableError
from ktx_daemon.embeddings.service import EmbeddingService, InvalidTextsError, refuse_blank_texts

__all__ = [
    "DIMENSIONS",
    "EmbeddingProvider",
    "EmbeddingService",
    "EmbeddingsUnavailableError",
    "InvalidTextsError",
    "load_provider",
    "refuse_blank_texts",
]
