"""The HTTP interface: JSON in, JSON out, errors carry `detail`."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from ktx_daemon.compute import ENDPOINTS, Compute
from ktx_daemon.compute import MAX_BODY_BYTES as MAX_COMPUTE_BODY_BYTES
from ktx_daemon.compute_routes import add_compute_routes
from ktx_daemon.embeddings import (
    EmbeddingService,
    EmbeddingsUnavailableError,
    InvalidTextsError,
    refuse_blank_texts,
)
from ktx_daemon.embeddings.requests import (
    ComputeBulkRequest,
    ComputeBulkResponse,
    ComputeRequest,
    ComputeResponse,
)
from ktx_daemon.guards import BodyLimitMiddleware, LoopbackHostMiddleware

#: Room for 100 texts of any sensible length; what is larger is a mistake or an attack.
MAX_BODY_BYTES = 16 * 1024 * 1024


def create_app(
    service: EmbeddingService,
    *,
    version: str | None = None,
    nonce: str | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    other_requests: Compute | None = None,
) -> FastAPI:
    """
    The daemon as an ASGI application.

    `version` and `nonce` are echoed by `/health` when they are not empty: the first tells which ktx started this
    daemon, the second that this process, and no other on the machine, is the one that was started.
    """
    # No documentation pages: they load scripts from another host.
    app = FastAPI(title="ktx-daemon", openapi_url=None, docs_url=None, redoc_url=None)
    health = {"status": "healthy"}
    if version:
        health["version"] = version
    if nonce:
        health["nonce"] = nonce

    @app.get("/health")
    async def read_health() -> dict[str, str]:
        return health

    # They take turns anyway, and each thread has a heap of its own: 40 of them had 444 MB after 1,000 requests, one has
    # 95 (measured).
    turn = CapacityLimiter(1)

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        # Nobody waits for a turn to be told that.
        refuse_blank_texts(texts)
        return await to_thread.run_sync(service.compute, texts, limiter=turn)

    @app.post("/embeddings/compute")
    async def compute(request: ComputeRequest) -> ComputeResponse:
        (embedding,) = await embed([request.text])
        return ComputeResponse(embedding=embedding)

    @app.post("/embeddings/compute-bulk")
    async def compute_bulk(request: ComputeBulkRequest) -> ComputeBulkResponse:
        return ComputeBulkResponse(embeddings=await embed(request.texts))

    add_compute_routes(app, other_requests or Compute())

    @app.exception_handler(InvalidTextsError)
    async def refuse_texts(_request: Request, error: InvalidTextsError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=400)

    async def report_failure(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": f"Daemon request failed: {error}"}, status_code=500)

    # Both are 500. The first is expected and answered quietly; whatever else is thrown is also logged with its trace.
    app.add_exception_handler(EmbeddingsUnavailableError, report_failure)
    app.add_exception_handler(Exception, report_failure)

    # Added last is asked first: a foreign host learns nothing about sizes.
    limits = {endpoint.path: MAX_COMPUTE_BODY_BYTES for endpoint in ENDPOINTS}
    app.add_middleware(BodyLimitMiddleware, max_bytes=max_body_bytes, path_limits=limits)
    app.add_middleware(LoopbackHostMiddleware)
    return app
