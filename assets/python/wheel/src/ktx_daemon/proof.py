"""
The secret that a daemon shares with the user who started it.

With it a daemon proves its identity without revealing the secret and, in strict mode, answers only clients that know
it. The other side is `src/daemon/secret.ts`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import MutableMapping

from ktx_daemon.web import ASGIApp, Message, ProblemError, Receive, Scope, Send, send_problem

_CHALLENGE = re.compile(rb"[0-9a-f]{32,128}")
_SECRET = re.compile(r"[0-9a-f]{64}")


class SecretError(ValueError):
    """The secret given to the daemon at its start is invalid."""


def take_secret(environment: MutableMapping[str, str]) -> tuple[bytes | None, bool]:
    """
    The secret, and whether every request must carry a token. Removes the secret from the environment: children do not
    get it.

    Raises SecretError.
    """
    text = environment.pop("KTX_DAEMON_SECRET", "")
    is_strict = environment.get("KTX_DAEMON_STRICT", "") == "1"
    if text and not _SECRET.fullmatch(text):
        raise SecretError("KTX_DAEMON_SECRET is not 64 hexadecimal digits")
    if is_strict and not text:
        raise SecretError("KTX_DAEMON_STRICT=1 needs KTX_DAEMON_SECRET. Start it with: ktx admin runtime start")
    return (bytes.fromhex(text) if text else None), is_strict


def access_token(secret: bytes) -> str:
    """The token that every request carries in strict mode, as `Authorization: Bearer <token>`."""
    return _keyed(secret, b"token")


def proof(secret: bytes, port: int, challenge: bytes) -> str:
    """The answer to a challenge. Includes the port, so that another server cannot relay it."""
    return _keyed(secret, b"proof\n%d\n%b" % (port, challenge))


def health_token(secret: bytes, port: int, challenge: bytes) -> str:
    """Opens `/health` only for the request with this challenge: the client does not know yet who will answer."""
    return _keyed(secret, b"health\n%d\n%b" % (port, challenge))


def _keyed(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, b"ktx-daemon\n" + message, hashlib.sha256).hexdigest()


class SecretMiddleware:
    """
    Answers a challenge (`x-ktx-challenge`) to `/health` with a proof (`x-ktx-proof`).

    In strict mode it answers 401 to every request without the token.
    """

    def __init__(self, app: ASGIApp, secret: bytes, *, is_strict: bool) -> None:
        self.app = app
        self._secret = secret
        self._is_strict = is_strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        port = (scope.get("server") or ("", 0))[1] or 0
        challenge = _only(scope, b"x-ktx-challenge") if scope["path"] == "/health" else b""
        if not _CHALLENGE.fullmatch(challenge):
            challenge = b""
        if self._is_strict and not self._is_allowed(scope, port, challenge):
            detail = "This daemon answers only to requests with its token: Authorization: Bearer <token>"
            await send_problem(send, ProblemError(401, detail, [("www-authenticate", "Bearer")]))
            return

        async def send_with_proof(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = proof(self._secret, port, challenge).encode()
                message = {**message, "headers": [*message["headers"], (b"x-ktx-proof", answer)]}
            await send(message)

        await self.app(scope, receive, send_with_proof if challenge else send)

    def _is_allowed(self, scope: Scope, port: int, challenge: bytes) -> bool:
        given = _only(scope, b"authorization")
        scheme, _, token = given.partition(b" ")
        if scheme.lower() != b"bearer":
            return False
        allowed = [access_token(self._secret)]
        if challenge:
            allowed.append(health_token(self._secret, port, challenge))
        # Compare against all of them, in constant time.
        return any([hmac.compare_digest(token.strip(), one.encode()) for one in allowed])


def _only(scope: Scope, name: bytes) -> bytes:
    """The value of a header that was sent exactly once; otherwise empty."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0] if len(values) == 1 else b""
