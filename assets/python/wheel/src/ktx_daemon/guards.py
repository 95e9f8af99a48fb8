"""What stands before the application: who may ask, and how much they may send."""

from __future__ import annotations

import re

from ktx_daemon.web import ASGIApp, Message, ProblemError, Receive, Scope, Send, send_problem

_LOOPBACK_HOST = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)


class LoopbackHostMiddleware:
    """
    Answers 403 unless the request names this machine as its host.

    A page of a foreign site can resolve its own name to 127.0.0.1 (DNS rebinding) and then read our answers as its
    own; the name in `Host` gives it away.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            if len(hosts) != 1 or not _LOOPBACK_HOST.fullmatch(hosts[0]):
                named = ", ".join(host.decode("latin-1") for host in hosts) or "(none)"
                detail = f"Host not allowed: {named}. The ktx daemon answers to 127.0.0.1, localhost and [::1] only"
                await send_problem(send, ProblemError(403, detail))
                return
        await self.app(scope, receive, send)


class BodyLimitMiddleware:
    """Answers 413 to a body of more than `max_bytes`: at once when its length is announced, else once it shows."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.detail = f"Request body is larger than {max_bytes} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if int(announced) > self.max_bytes:
            await send_problem(send, ProblemError(413, self.detail))
            return
        received = 0

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                from starlette.exceptions import HTTPException

                # Raised into whoever reads the body; the framework turns it into the answer.
                raise HTTPException(413, self.detail)
            return message

        await self.app(scope, limited_receive, send)
