"""
The parts of a web framework that the endpoints need: requests, answers, memory accounting.

A complete framework uses twice the memory and three times the start-up time of the rest of the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, MutableMapping, Sequence
from typing import Any, TypeVar

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[str, str]]

T = TypeVar("T")

#: As much as a connection buffers before it waits for the reader.
_BLOCK_BYTES = 64 * 1024
_IDENTITY = ("accept-encoding", "identity")


class ProblemError(Exception):
    """An answer other than 200: `detail` is a sentence or a structured list."""

    def __init__(self, status: int, detail: Any, headers: Headers = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class ClientGoneError(Exception):
    """The client has disconnected."""


class Budget:
    """Memory shared by requests, in bytes, from the first byte of a body to the last of the answer."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.used_bytes = 0

    def lease(self) -> Lease:
        return Lease(self)

    def has_room(self, size_bytes: int) -> bool:
        # A single request is always admitted: its size has its own limit.
        return self.used_bytes == 0 or self.used_bytes + size_bytes <= self._limit_bytes


class Lease:
    """One request's share of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size_bytes = 0

    def resize(self, size_bytes: int) -> bool:
        """False, without changes, when there is not enough room."""
        growth = size_bytes - self._size_bytes
        if growth > 0:
            self._budget.used_bytes -= self._size_bytes
            has_room = self._budget.has_room(size_bytes)
            self._budget.used_bytes += self._size_bytes
            if not has_room:
                return False
        self._budget.used_bytes += growth
        self._size_bytes = size_bytes
        return True

    def release(self) -> None:
        self._budget.used_bytes -= self._size_bytes
        self._size_bytes = 0


class Request:
    """One HTTP request."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._received_bytes = 0
        self._is_read = False

    def header(self, name: str) -> str:
        """Empty if it was not sent. `name` must be lower-case."""
        return self._headers.get(name, "")

    async def read_chunk(self, max_bytes: int) -> bytes | None:
        """
        The next part of the body, None at its end.

        Raises ProblemError 415 when it is compressed, 413 when it is or will be larger than `max_bytes`,
        ClientGoneError.
        """
        if self._is_read:
            return None
        if self.header("content-encoding").lower() not in ("", "identity"):
            raise ProblemError(415, "Compressed bodies are not supported. Send the body as it is", [_IDENTITY])
        announced = self.header("content-length")
        if announced.isdecimal() and int(announced) > max_bytes:
            raise _too_large(max_bytes)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        self._is_read = not message.get("more_body")
        chunk: bytes = message.get("body", b"")
        self._received_bytes += len(chunk)
        if self._received_bytes > max_bytes:
            raise _too_large(max_bytes)
        return chunk

    async def read_body(self, max_bytes: int, lease: Lease, busy: Callable[[], ProblemError]) -> bytes:
        """
        The whole body, accounted for on the lease.

        Raises what `read_chunk` raises, and `busy()` when the lease has no room.
        """
        body = bytearray()
        while (chunk := await self.read_chunk(max_bytes)) is not None:
            body += chunk
            if not lease.resize(len(body)):
                raise busy()
        return bytes(body)

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work, which is cancelled when the client disconnects. Raises ClientGoneError then."""
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._disconnect())
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise ClientGoneError
        finally:
            for pending in (task, gone):
                if not pending.done():
                    pending.cancel()
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await pending

    async def _disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _too_large(max_bytes: int) -> ProblemError:
    return ProblemError(413, f"Request body is larger than {max_bytes} bytes", [("connection", "close")])


Handler = Callable[[Request, Send], Awaitable[None]]


async def send_json(send: Send, status: int, body: Iterable[bytes] | object, headers: Headers = ()) -> None:
    """
    Answers with JSON: any document, or a list with the encoded pieces of one, which are sent without joining them all.
    """
    is_encoded = isinstance(body, list) and all(isinstance(piece, bytes) for piece in body)
    pieces: list[bytes] = body if is_encoded else [json.dumps(body, separators=(",", ":")).encode()]  # type: ignore[assignment]
    named = [
        ("content-length", str(sum(map(len, pieces)))),
        ("content-type", "application/json"),
        *headers,
    ]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    for block in _blocks(pieces):
        await send({"type": "http.response.body", "body": block, "more_body": True})
        # Others go on, and a disconnect is noticed.
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


def _blocks(pieces: list[bytes]) -> Iterator[bytes]:
    """The pieces in blocks of at least `_BLOCK_BYTES`."""
    block: list[bytes] = []
    size_bytes = 0
    for piece in pieces:
        block.append(piece)
        size_bytes += len(piece)
        if size_bytes >= _BLOCK_BYTES:
            yield b"".join(block)
            block, size_bytes = [], 0
    if block:
        yield b"".join(block)


async def send_problem(send: Send, problem: ProblemError) -> None:
    """Answers with `detail`."""
    await send_json(send, problem.status, {"detail": problem.detail}, problem.headers)
