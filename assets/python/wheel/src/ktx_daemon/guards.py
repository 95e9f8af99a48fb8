"""Access checks in front of the application."""

from __future__ import annotations

import re

from ktx_daemon.web import ASGIApp, ProblemError, Receive, Scope, Send, send_problem

_LOOPBACK_HOST = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)


class LoopbackHostMiddleware:
    """
    Answers 403 unless the `Host` header names this machine.

    A page of another site can resolve its own name to 127.0.0.1 (DNS rebinding) and read our answers as its own; the
    name in `Host` reveals it.
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
