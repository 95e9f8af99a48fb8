"""Reads bodies at a bounded cost. Error messages never quote the input."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ktx_daemon.embeddings.texts import TooMuchBesideTextsError, encode_text
from ktx_daemon.web import ProblemError

#: A larger body is read while it arrives, see `large_bodies`.
_LARGE_BYTES = 256 * 1024
#: Large bodies together get one part of so many of the processor time of this process.
_LARGE_SHARE = 3
#: A debt of less is not worth waiting for.
_LEAST_REST_SECONDS = 0.002
#: Roughly what it takes to receive a chunk.
_CHUNK_SECONDS = 0.0005


@dataclass(frozen=True)
class Document:
    """A parsed body."""

    value: Any
    #: What some strings in `value` stand for, as UTF-8.
    long_strings: Mapping[str, bytes] = field(default_factory=dict)

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """Texts from `value` as UTF-8, truncated to what the engine reads."""
        return [self.long_strings.get(text) or encode_text(text) for text in texts]


class Pace:
    """Lets those who read large bodies rest, so that all of them together leave time for others."""

    def __init__(self) -> None:
        self._next = 0.0

    async def rest_after(self, seconds: float) -> None:
        """Waits after a step that took so much processor time."""
        now = asyncio.get_running_loop().time()
        self._next = max(now, self._next) + (_LARGE_SHARE - 1) * seconds
        rest = self._next - now
        await asyncio.sleep(rest if rest >= _LEAST_REST_SECONDS else 0)


async def read_document(
    read_chunk: Callable[[], Awaitable[bytes | None]], content_type: str, reserve: Callable[[int], None], pace: Pace
) -> Document:
    """
    The document in a body. While a large one is read, other requests are answered.

    `reserve` is called with the number of bytes that are kept so far, and may raise. Raises ProblemError: 400 when the
    body is not UTF-8, 422 when it is not JSON or is large even without its texts. A body with another content type is
    rejected, since pages of other sites can send those without a preflight request.
    """
    kind = content_type.split(";")[0].strip().lower()
    if not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        await _skip(read_chunk, pace)
        raise _invalid("model_attributes_type", "Send JSON with the header content-type: application/json")
    body = bytearray()
    while (chunk := await read_chunk()) is not None:
        body += chunk
        reserve(len(body))
        if len(body) > _LARGE_BYTES:
            return await _read_large(bytes(body), read_chunk, reserve, pace)
    try:
        return Document(json.loads(body.decode()))
    except (ValueError, RecursionError) as error:
        problem = _problem(error)
    raise problem


async def _read_large(
    chunk: bytes | None,
    read_chunk: Callable[[], Awaitable[bytes | None]],
    reserve: Callable[[int], None],
    pace: Pace,
) -> Document:
    from ktx_daemon.embeddings.large_bodies import LargeDocument

    document = LargeDocument()
    try:
        while chunk is not None:
            started = time.thread_time()
            for _ in document.feed(chunk):
                await pace.rest_after(time.thread_time() - started)
                started = time.thread_time()
            reserve(document.size_bytes)
            chunk = await read_chunk()
        return Document(document.parse(), document.long_strings)
    except (ValueError, RecursionError) as error:
        problem = _problem(error)
    # Many clients read no answer before they have sent their request.
    await _skip(read_chunk, pace)
    raise problem


async def _skip(read_chunk: Callable[[], Awaitable[bytes | None]], pace: Pace) -> None:
    while await read_chunk() is not None:
        await pace.rest_after(_CHUNK_SECONDS)


def _problem(error: ValueError | RecursionError) -> ProblemError:
    if isinstance(error, UnicodeDecodeError):
        return ProblemError(400, f"The body is not UTF-8: byte {error.start} cannot be read")
    if isinstance(error, json.JSONDecodeError):
        return _invalid("json_invalid", f"JSON decode error: {error.msg}", error.pos)
    if isinstance(error, TooMuchBesideTextsError):
        return _invalid("too_long", str(error))
    return _invalid("json_invalid", "JSON decode error: nested too deeply, or a number with too many digits")


def texts_of(document: Any, field: str, most: int) -> list[str]:
    """
    The text or texts in a field. Blank ones are accepted.

    Raises ProblemError 422 with a structured list of what is wrong.
    """
    value = document.get(field) if isinstance(document, dict) else None
    if field == "text" and isinstance(value, str) and value:
        return [value]
    is_list = field != "text" and isinstance(value, list) and 1 <= len(value) <= most
    if is_list and all(isinstance(item, str) for item in value):
        return value
    raise explain(field, document)


def explain(field: str, document: Any) -> ProblemError:
    """Why a document is not a request, as a structured list. No entry contains the input."""
    from ktx_daemon.embeddings.requests import read_compute, read_compute_bulk
    from ktx_daemon.shapes import InvalidShapeError

    try:
        (read_compute if field == "text" else read_compute_bulk)(document)
    except InvalidShapeError as error:
        return ProblemError(422, error.in_body())
    raise AssertionError(f"what was refused has {field}")


def _invalid(kind: str, message: str, *location: int) -> ProblemError:
    return ProblemError(422, [{"type": kind, "loc": ["body", *location], "msg": message}])
