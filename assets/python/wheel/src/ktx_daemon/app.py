"""The HTTP interface: JSON in, JSON out, errors carry `detail`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from ktx_daemon.embeddings import (
    EmbeddingService,
    EmbeddingsUnavailableError,
    InvalidTextsError,
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

    @app.post("/embeddings/compute")
    async def compute(request: ComputeRequest) -> ComputeResponse:
        (embedding,) = await run_in_threadpool(service.compute, [request.text])
        return ComputeResponse(embedding=embedding)

    @app.post("/embeddings/compute-bulk")
    async def compute_bulk(request: ComputeBulkRequest) -> ComputeBulkResponse:
        return ComputeBulkResponse(embeddings=await run_in_threadpool(service.compute, request.texts))

    @app.exception_handler(InvalidTextsError)
    async def refuse_texts(_request: Request, error: InvalidTextsError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=400)

    async def report_failure(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": f"Daemon request failed: {error}"}, status_code=500)

    # Both are 500. The first is expected and answered quietly; whatever else is thrown is also logged with its trace.
    app.add_exception_handler(EmbeddingsUnavailableError, report_failure)
    app.add_exception_handler(Exception, report_failure)

    # Added last is asked first: a foreign host learns nothing about sizes.
    app.add_middleware(BodyLimitMiddleware, max_bytes=max_body_bytes)
    app.add_middleware(LoopbackHostMiddleware)
    return app
