"""
The HTTP interface: JSON in, JSON out; errors have a `detail`.

Requests about SQL and databases are handled by `compute_routes`, which is imported with the first one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ktx_daemon.embeddings.api import MAX_BODY_BYTES, MAX_WAITING_BYTES, EmbeddingsApi
from ktx_daemon.embeddings.model_files import MODEL_IDENTITY
from ktx_daemon.embeddings.queue import EmbeddingQueue
from ktx_daemon.embeddings.settings import EmbeddingSettings
from ktx_daemon.guards import LoopbackHostMiddleware
from ktx_daemon.proof import SecretMiddleware
from ktx_daemon.web import (
    ASGIApp,
    ClientGoneError,
    Handler,
    ProblemError,
    Receive,
    Request,
    Scope,
    Send,
    send_json,
    send_problem,
)

if TYPE_CHECKING:
    from ktx_daemon.compute import Compute

logger = logging.getLogger("ktx_daemon")

#: Paths with these prefixes are handled by `compute_routes`.
COMPUTE_PREFIXES = ("/sql/", "/database/", "/semantic-layer/", "/lookml/")


def create_app(
    queue: EmbeddingQueue,
    *,
    version: str | None = None,
    secret: bytes | None = None,
    is_strict: bool = False,
    settings: EmbeddingSettings | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    max_waiting_bytes: int = MAX_WAITING_BYTES,
    compute: Compute | None = None,
) -> ASGIApp:
    """
    The daemon as an ASGI application.

    `version`, if not empty, is reported by `/health`: it tells which ktx started this daemon. With `secret` it answers
    challenges, and with `is_strict` only requests with a token, see `proof`. With a model in `settings`, `/health` also
    describes the engine.
    """
    api = EmbeddingsApi(queue, max_body_bytes=max_body_bytes, max_waiting_bytes=max_waiting_bytes)
    health: dict[str, Any] = {"status": "healthy"}
    if version:
        health["version"] = version
    if secret and is_strict:
        health["token"] = "required"

    async def read_health(_request: Request, send: Send) -> None:
        if settings and settings.model_directory:
            about = {
                "model": MODEL_IDENTITY,
                "engine": queue.engine_description or None,
                "state": queue.state,
                "settings": settings.as_given,
                **({"problem": queue.problem} if queue.problem else {}),
            }
            await send_json(send, 200, {**health, "embeddings": about})
        else:
            await send_json(send, 200, health)

    routes: dict[str, tuple[str, Handler]] = {
        "/health": ("GET", read_health),
        "/embeddings/compute": ("POST", api.compute),
        "/embeddings/compute-bulk": ("POST", api.compute_bulk),
        "/v1/embeddings": ("POST", api.openai),
    }
    app: ASGIApp = _Router(routes, compute)
    if secret:
        app = SecretMiddleware(app, secret, is_strict=is_strict)
    return LoopbackHostMiddleware(app)


class _Router:
    """Dispatches requests and turns errors into answers."""

    def __init__(self, routes: Mapping[str, tuple[str, Handler]], compute: Compute | None) -> None:
        self._routes = routes
        self._compute = compute
        self._compute_routes: Mapping[str, tuple[str, Handler]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        try:
            routes = self._load_compute_routes() if path.startswith(COMPUTE_PREFIXES) else self._routes
            if path not in routes:
                raise ProblemError(404, "Not Found")
            method, handler = routes[path]
            if scope["method"] != method:
                raise ProblemError(405, "Method Not Allowed", [("allow", method)])
            await handler(Request(scope, receive), send)
        except ClientGoneError:
            return
        except ProblemError as problem:
            await send_problem(send, problem)
        except Exception as error:
            logger.exception("%s failed", path)
            await send_problem(send, ProblemError(500, f"Daemon request failed: {error}"))

    def _load_compute_routes(self) -> Mapping[str, tuple[str, Handler]]:
        if self._compute_routes is None:
            from ktx_daemon.compute_routes import ComputeApi

            self._compute_routes = ComputeApi(self._compute).routes()
        return self._compute_routes
