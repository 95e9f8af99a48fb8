"""Loads the engine after checking that the extra is installed and every file is the pinned one."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ktx_daemon.embeddings.model_files import SETUP, ModelFiles
from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError
from ktx_daemon.embeddings.settings import SettingError, read_settings

if TYPE_CHECKING:
    from ktx_daemon.embeddings.engine import OnnxProvider

#: Modules of the extra `local-embeddings`, by import name.
EXTRA_MODULES = ("numpy", "onnxruntime", "tokenizers")


def load_provider(environ: Mapping[str, str] = os.environ) -> OnnxProvider:
    """
    Loads the engine into this process.

    Raises EmbeddingsUnavailableError when the extra is not installed, a setting is invalid, a file is missing or not
    the pinned one, or a file was replaced while it was read.
    """
    refuse_missing_extra()
    try:
        settings = read_settings(environ)
    except SettingError as error:
        raise EmbeddingsUnavailableError(str(error)) from None
    files = ModelFiles(settings.require_model())
    # Read by the libraries on first use. Neither feature is needed here, and both would start a thread per processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Hashing releases the GIL, so most of it overlaps with the imports.
    verification = _Verification(files)
    verification.start()
    try:
        from ktx_daemon.embeddings.engine import OnnxProvider
    except ImportError as error:
        verification.finish()
        raise EmbeddingsUnavailableError(f"the embedding engine cannot be imported: {error}. {SETUP}") from error
    verification.finish()
    provider = OnnxProvider(files, settings.threads)
    provider.refuse_changed_files()
    return provider


class _Verification(threading.Thread):
    """`ModelFiles.verify` in a thread. A pool would import twice as much as the engine's process needs."""

    def __init__(self, files: ModelFiles) -> None:
        super().__init__(daemon=True)
        self._files = files
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._files.verify()
        except BaseException as error:
            self._error = error

    def finish(self) -> None:
        """Waits for completion. Raises what `verify` raised."""
        self.join()
        if self._error is not None:
            raise self._error


def refuse_missing_extra() -> None:
    """Raises EmbeddingsUnavailableError naming the modules that are not installed."""
    missing = [name for name in EXTRA_MODULES if find_spec(name) is None]
    if missing:
        raise EmbeddingsUnavailableError(
            f"the local-embeddings feature is not installed (no module {', '.join(missing)}). "
            "Run: ktx admin runtime install --feature local-embeddings --yes"
        )
