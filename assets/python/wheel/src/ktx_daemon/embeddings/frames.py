"""The protocol between the daemon and its engine process."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Sequence
from typing import BinaryIO

_HEAD = struct.Struct("<IB")

#: To the engine: texts, see `encode_texts`.
TEXTS = 1
#: From the engine: its description of itself, sent once, after it has verified its files.
READY = 2
#: The token count of each text (uint32), then the vectors (float32), all little-endian.
VECTORS = 3
#: A message: this batch failed, the next one may work.
FAILED = 4
#: A message: why the engine cannot run here, and what to do. It then exits.
UNAVAILABLE = 5
#: The files have changed since they were verified. It then exits; a new engine verifies them again.
STALE = 6


def write(sink: BinaryIO, kind: int, payload: bytes) -> None:
    """Writes one frame."""
    sink.write(encode(kind, payload))
    sink.flush()


def encode(kind: int, payload: bytes) -> bytes:
    """One frame."""
    return _HEAD.pack(len(payload), kind) + payload


def encode_texts(texts: Sequence[bytes]) -> bytes:
    """The payload of TEXTS: how many (uint32), their sizes (uint32), their UTF-8; all little-endian."""
    return struct.pack(f"<{1 + len(texts)}I", len(texts), *map(len, texts)) + b"".join(texts)


def decode_texts(payload: bytes) -> list[str]:
    """The reverse of `encode_texts`."""
    (count,) = struct.unpack_from("<I", payload)
    sizes = struct.unpack_from(f"<{count}I", payload, 4)
    ends = list(itertools.accumulate(sizes, initial=4 + 4 * count))
    return [payload[start:end].decode() for start, end in itertools.pairwise(ends)]


def read(source: BinaryIO) -> tuple[int, bytes] | None:
    """The next frame: kind and payload; None at the end."""
    head = source.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, kind = _HEAD.unpack(head)
    payload = source.read(length)
    return (kind, payload) if len(payload) == length else None


async def receive(source: asyncio.StreamReader) -> tuple[int, bytes] | None:
    """`read` for asyncio."""
    try:
        length, kind = _HEAD.unpack(await source.readexactly(_HEAD.size))
        return kind, await source.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
