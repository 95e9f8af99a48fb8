"""
The engine in its own process: `python -m ktx_daemon.embeddings.worker`.

A crash (truncation of a mapped file, an unsupported instruction, the OOM killer) does not take the daemon down, and
ending the process frees its memory. It computes what stdin asks for and exits when stdin closes.

Frames in both directions: 4 bytes length, little-endian, then one byte kind, then the payload. See `frames`.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from typing import BinaryIO

from ktx_daemon.embeddings import frames
from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError


def main() -> int:
    """Loads the engine, announces it, computes. Returns 0 unless there was an unexpected error."""
    # Ctrl+C goes to every process of a terminal: the daemon decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = sys.stdin.buffer
    # Output that a library prints to stdout must not mix with the frames.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        return _serve(source, sink)
    except BrokenPipeError:
        # The daemon is gone.
        return 0


def _serve(source: BinaryIO, sink: BinaryIO) -> int:
    from ktx_daemon.embeddings.loading import load_provider

    try:
        provider = load_provider()
    except EmbeddingsUnavailableError as error:
        frames.write(sink, frames.UNAVAILABLE, str(error).encode())
        return 0
    except (MemoryError, OSError) as error:
        frames.write(sink, frames.UNAVAILABLE, f"the embedding engine cannot be loaded: {error}".encode())
        return 0

    from ktx_daemon.embeddings.engine import ModelChangedError, describe_engine

    frames.write(sink, frames.READY, describe_engine().encode())
    while (frame := frames.read(source)) is not None:
        texts = frames.decode_texts(frame[1])
        try:
            tokens = [provider.tokenize(text) for text in texts]
            vectors = provider.compute(tokens)
        except ModelChangedError:
            # The next process verifies the current files.
            frames.write(sink, frames.STALE, b"")
            return 0
        except Exception as error:
            frames.write(sink, frames.FAILED, f"{type(error).__name__}: {error}".encode(errors="replace"))
            continue
        counts = struct.pack(f"<{len(tokens)}I", *map(len, tokens))
        frames.write(sink, frames.VECTORS, counts + vectors.astype("<f4", copy=False).tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
