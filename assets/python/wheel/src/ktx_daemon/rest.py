"""The part of the HTTP interface that is written with FastAPI. Imported at its first request."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from ktx_daemon.compute import MAX_BODY_BYTES, Compute
from ktx_daemon.compute_routes import add_compute_routes
from ktx_daemon.guards import BodyLimitMiddleware


def create_rest_app(compute: Compute | None = None) -> FastAPI:
    """The application. Its paths have to begin with one of `app.REST_PREFIXES`."""
    # No documentation pages: they load scripts from another host.
    app = FastAPI(title="ktx-daemon", openapi_url=None, docs_url=None, redoc_url=None)

    @app.exception_handler(RequestValidationError)
    async def explain(_request: Request, error: RequestValidationError) -> JSONResponse:
        # The framework repeats the input, which is somebody's text.
        detail = [{key: entry[key] for key in ("type", "loc", "msg")} for entry in error.errors()]
        return JSONResponse({"detail": detail}, status_code=422)

    @app.exception_handler(Exception)
    async def report_failure(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": f"Daemon request failed: {error}"}, status_code=500)

    add_compute_routes(app, compute or Compute())
    app.add_middleware(BodyLimitMiddleware, max_bytes=MAX_BODY_BYTES)
    return app
