"""Runs the daemon: uvicorn with limits on what a client may hold, and a graceful stop that finishes accepted work."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ktx_daemon.logs import log_config
from ktx_daemon.web import ASGIApp

#: Agents pause between questions for longer than the usual 5 s.
KEEP_ALIVE_SECONDS = 75
#: How long the head of a request may take from its first byte; before that, a connection may idle as between requests.
HEAD_SECONDS = 10
#: A body, or an answer being read, must progress by this many bytes in this many seconds, or it counts as stalled.
STANDSTILL_SECONDS = 10
STANDSTILL_BYTES = 1024
#: Connections that wait to be accepted, and how many are accepted before others have their turn.
BACKLOG, ACCEPTED_AT_ONCE = 2048, 64
#: A head may be this large, as in Node.
MAX_HEAD_BYTES = 16 * 1024
#: How much is read from a connection at once: more while it is cheap, less when it is not. A chunk of one byte costs
#: as much as one of 64 KB.
LEAST_READ_BYTES, FIRST_READ_BYTES, MOST_READ_BYTES = 1024, 4 * 1024, 64 * 1024
#: What takes longer than this to parse is expensive.
EXPENSIVE_SECONDS = 0.004
#: Expensive connections together get one part of so many of the time.
EXPENSIVE_SHARE = 50
#: Ticks of 0.1 s after which free memory is given back to the system, if so much was received.
TICKS_BETWEEN_TRIMS = 50
TRIM_AFTER_BYTES = 4 * 1024 * 1024
#: With more connections a complete garbage collection takes too long.
CONNECTIONS_WHEN_CALM = 100
#: Work left after this long is refused. `ktx` waits for a daemon to end only when it stops all of them.
DRAIN_SECONDS = 20
#: Files and sockets that the daemon needs besides connections.
_OTHER_DESCRIPTORS = 48
_MOST_CONNECTIONS = 2000


def _refusal(status: str, detail: str, more: str = "") -> bytes:
    """An answer after which the connection is closed."""
    body = json.dumps({"detail": detail}, separators=(",", ":"))
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{more}connection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


class LimitedProtocol(H11Protocol):
    """
    A connection that is closed when it stalls, while a head or body arrives and while an answer is read.

    Beyond `most_connections`, the longest idle connection is closed; if there is none, the new one is refused with 503.
    """

    most_connections = _MOST_CONNECTIONS
    #: When the next expensive connection is read again.
    next_turn = 0.0
    #: Received by all connections since memory was last given back.
    total_bytes = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._watch: asyncio.TimerHandle | None = None
        self._is_answer_stuck = False
        self._received_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_read_size(FIRST_READ_BYTES)
        if len(self.connections) > self.most_connections and not self._close_an_idle_one():
            detail = "The daemon has as many connections as it can hold. Try again in 1 s"
            transport.write(_refusal("503 Service Unavailable", detail, "retry-after: 1\r\n"))
            transport.close()
            return
        # Nothing was requested yet: it may idle as long as between two requests.
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        self._received_bytes += len(data)
        LimitedProtocol.total_bytes += len(data)
        started = time.thread_time()
        super().data_received(data)
        # Processor time: a machine that is busy with other things is not the client's fault.
        self._pace(len(data), time.thread_time() - started)
        self._watch_arrival()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watch()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._stop_watch()
        super().on_response_complete()
        self._watch_arrival()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_answer_stuck = False

    def _pace(self, size_bytes: int, seconds: float) -> None:
        """Keeps a connection whose bytes are expensive to parse from holding up the others."""
        if seconds <= EXPENSIVE_SECONDS:
            self._set_read_size(min(MOST_READ_BYTES, max(FIRST_READ_BYTES, 2 * size_bytes)))
            return
        self._set_read_size(max(LEAST_READ_BYTES, size_bytes // 2))
        if self.transport.is_closing():
            return
        turn = max(self.loop.time(), LimitedProtocol.next_turn) + EXPENSIVE_SHARE * seconds
        LimitedProtocol.next_turn = turn
        self.transport.pause_reading()
        self.loop.call_at(turn, self._read_on)

    def _read_on(self) -> None:
        if not self.flow.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _set_read_size(self, size_bytes: int) -> None:
        # asyncio's transport reads up to 256 KB at once; other transports have other ways.
        if hasattr(self.transport, "max_size"):
            self.transport.max_size = size_bytes

    def _watch_arrival(self) -> None:
        """Watches an incomplete head or body, which must progress."""
        if self.transport.is_closing():
            self._stop_watch()
        elif self._is_body_arriving:
            if self._watch is None:
                self._watch = self.loop.call_later(STANDSTILL_SECONDS, self._check_body, self._received_bytes)
        elif self._is_head_arriving:
            if self._watch is None:
                self._watch = self.loop.call_later(HEAD_SECONDS, self._time_out, "The head of the request")
        else:
            self._stop_watch()

    @property
    def _is_head_arriving(self) -> bool:
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    @property
    def _is_body_arriving(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY

    def _check_body(self, received_before: int) -> None:
        self._watch = None
        if not self._is_body_arriving:
            self._watch_arrival()
        elif self._received_bytes - received_before < STANDSTILL_BYTES and not self.flow.read_paused:
            self._time_out("The body of the request")
        else:
            self._watch_arrival()

    def _time_out(self, what: str) -> None:
        self._watch = None
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_refusal("408 Request Timeout", f"{what} did not arrive in time"))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        error = sys.exception()
        if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
            detail = f"The head of the request is larger than {MAX_HEAD_BYTES} bytes"
            answer = _refusal("431 Request Header Fields Too Large", detail)
        else:
            answer = _refusal("400 Bad Request", msg)
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(answer)
        self.transport.close()

    def _watch_reader(self, waiting_bytes: int) -> None:
        """Watches an answer in the buffer, which must be read."""
        self._is_answer_stuck = True
        self.loop.call_later(STANDSTILL_SECONDS, self._check_reader, waiting_bytes)

    def _check_reader(self, waiting_before: int) -> None:
        if not self._is_answer_stuck or self.transport.is_closing():
            return
        waiting = self.transport.get_write_buffer_size()
        if waiting_before - waiting < STANDSTILL_BYTES:
            self.transport.abort()
        else:
            self._watch_reader(waiting)

    def _close_an_idle_one(self) -> bool:
        idle = [
            other
            for other in self.connections
            if other is not self and isinstance(other, LimitedProtocol) and other._is_idle
        ]
        if not idle:
            return False
        oldest = min(idle, key=lambda other: other.timeout_keep_alive_task.when())  # type: ignore[union-attr]
        oldest.timeout_keep_alive_handler()
        return True

    @property
    def _is_idle(self) -> bool:
        return self.timeout_keep_alive_task is not None and not self.transport.is_closing()

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None


class DaemonServer(uvicorn.Server):
    """On stop, lets `drain` finish accepted work before connections are closed."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[float], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain
        #: Called once it listens.
        self.on_listening: Callable[[], None] | None = None

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for listener in server.sockets:
                with contextlib.suppress(OSError), listener.dup() as same:
                    same.listen(BACKLOG)
        if self.started and self.on_listening:
            self.on_listening()
        # What is there now stays: garbage collections need not look at it again.
        gc.freeze()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_BETWEEN_TRIMS == 0 and LimitedProtocol.total_bytes > TRIM_AFTER_BYTES:
            LimitedProtocol.total_bytes = 0
            if len(self.server_state.connections) < CONNECTIONS_WHEN_CALM:
                gc.collect()
            _trim()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Any = None) -> None:
        for server in self.servers:
            server.close()
        await self._drain(DRAIN_SECONDS)
        await super().shutdown(sockets)


def make_server(
    app: ASGIApp, drain: Callable[[float], Awaitable[None]], *, host: str, port: int, log_level: str
) -> DaemonServer:
    """A server that is ready to `run`."""
    LimitedProtocol.most_connections = _connection_limit()
    _return_large_blocks()
    is_chatty = log_level in ("debug", "trace")
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # the same interface, typed more loosely
        host=host,
        port=port,
        log_level=log_level,
        log_config=log_config(log_level),
        access_log=is_chatty,
        loop="asyncio",
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        # asyncio accepts this many in a row; the backlog itself is longer, see `DaemonServer.startup`.
        backlog=ACCEPTED_AT_ONCE,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        headers=[("keep-alive", f"timeout={KEEP_ALIVE_SECONDS}")],
        # Computed answers are being sent by then.
        timeout_graceful_shutdown=1,
    )
    return DaemonServer(config, drain)


def _connection_limit() -> int:
    """Raises the limit on open files as far as allowed, and leaves some room below it."""
    try:
        import resource
    except ImportError:
        return _MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(8, min(_MOST_CONNECTIONS, soft - _OTHER_DESCRIPTORS))


#: Parameters of mallopt, from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def _return_large_blocks() -> None:
    """
    Makes glibc return freed bodies to the system.

    By default it raises its threshold with every large block that is freed, up to 32 MB.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 128 * 1024)
        libc.mallopt(_M_TRIM_THRESHOLD, 1024 * 1024)


def _trim() -> None:
    """Makes glibc return free memory between blocks that are in use."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
