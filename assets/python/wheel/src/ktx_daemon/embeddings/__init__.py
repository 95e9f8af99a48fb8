"""
Text embeddings: vectors of 384 numbers.

`queue` takes the texts of many requests and gives them batch by batch (`turns`) to the engine, which is a process of
its own (`engine_process`, `worker`, `engine`) and computes from verified files only (`model_files`). `api` is what HTTP
says. `EmbeddingService` is the same with any provider in the place of the engine.
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
    # Imported when it is asked for: the engine's process is smaller and sooner there without asyncio.
    if name == "EmbeddingService":
        from ktx_daemon.embeddings.in_process import EmbeddingService

        return EmbeddingService
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
