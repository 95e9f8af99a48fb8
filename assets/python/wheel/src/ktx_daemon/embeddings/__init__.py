"""
Text embeddings: vectors of 384 numbers.

`queue` collects the texts of many requests and passes them in batches (`turns`) to the engine, which runs in its own
process (`engine_process`, `worker`, `engine`) and computes from verified files only (`model_files`). `api` is the HTTP
interface. `EmbeddingService` is the same with any provider in place of the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ktx_daemon.embeddings.loading import load_provider
from ktx_daemon.embeddings.provider import DIMENSIONS, EmbeddingProvider, EmbeddingsUnavailableError
from ktx_daemon.embeddings.service import InvalidTextsError, refuse_blank_texts

if TYPE_CHECKING:
    from ktx_daemon.embeddings.in_process import EmbeddingService

__all__ = [
    "DIMENSIONS",
    "EmbeddingProvider",
    "EmbeddingService",
    "EmbeddingsUnavailableError",
    "InvalidTextsError",
    "load_provider",
    "refuse_blank_texts",
]


def __getattr__(name: str) -> Any:
    # Imported on demand: without asyncio the engine's process is smaller and starts faster.
    if name == "EmbeddingService":
        from ktx_daemon.embeddings.in_process import EmbeddingService

        return EmbeddingService
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
