"""What stands before the application: who may ask, and how much they may send."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
                await JSONResponse({"detail": detail}, status_code=403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyLimitMiddleware:
    """
    Answers 413 to a body that is too large: at once when its length is announced, else once it shows.

    `max_bytes` holds for every path that `path_limits` does not name.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, path_limits: Mapping[str, int] | None = None) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.path_limits = path_limits or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes = self.path_limits.get(scope["path"], self.max_bytes)
        detail = f"Request body is larger than {max_bytes} bytes"
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if int(announced) > max_bytes:
            await JSONResponse({"detail": detail}, status_code=413)(scope, receive, send)
            return
        received = 0

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                # Raised into whoever reads the body; the framework turns it into the answer.
                raise HTTPException(413, detail)
            return message

        await self.app(scope, limited_receive, send)
