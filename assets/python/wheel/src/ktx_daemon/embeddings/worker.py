"""
The engine in a process of its own: `python -m ktx_daemon.embeddings.worker`.

What ends it (a file that is cut while it is mapped, an instruction that the processor does not know, the system taking
memory back) does not end the daemon, and its memory is given back by ending it. It computes what stdin says and ends
when stdin does.

Frames in both directions: 4 bytes length, little-endian, then one byte kind, then the rest. See `frames`.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from typing import BinaryIO

from ktx_daemon.embeddings import frames
from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError


def main() -> int:
    """Loads the engine, says hello, computes. The exit code is 0 unless something failed that was not expected."""
    # Ctrl+C goes to every process of a terminal: the daemon decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = sys.stdin.buffer
    # Whatever a library prints on stdout must not get between the frames.
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
        texts: list[str] = json.loads(frame[1])
        try:
            tokens = [provider.tokenize(text) for text in texts]
            vectors = provider.compute(tokens)
        except ModelChangedError:
            # The next process verifies what is there now.
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
