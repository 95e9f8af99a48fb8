"""The HTTP routes of `ktx_daemon.compute`."""

from __future__ import annotations

import asyncio

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from ktx_daemon.compute import ELSEWHERE_ROUTES, ENDPOINTS, Compute, Endpoint, elsewhere
from ktx_daemon.json_input import InvalidInputError, NotUtf8Error, read_input
from ktx_daemon.refusals import RefusedError


def add_compute_routes(app: FastAPI, compute: Compute) -> None:
    """Adds every route of `ENDPOINTS`, and those that belong to an embedder's wheel."""
    # Reading a large body keeps the interpreter busy; several at once would hold up everybody.
    reading = CapacityLimiter(1)
    for endpoint in ENDPOINTS:
        app.add_api_route(endpoint.path, _answering(endpoint, compute, reading), methods=["POST"])
    for path, part in ELSEWHERE_ROUTES.items():
        app.add_api_route(path, _refusing(elsewhere(path, part)), methods=["POST"])


def _refusing(detail: str):  # type: ignore[no-untyped-def]
    async def refuse() -> Response:
        return JSONResponse({"detail": detail}, status_code=501)

    return refuse


def _answering(endpoint: Endpoint, compute: Compute, reading: CapacityLimiter):  # type: ignore[no-untyped-def]
    async def answer(request: Request) -> Response:
        if not _is_json(request.headers.get("content-type", "")):
            # A page of a foreign site may send anything else here without asking first.
            return JSONResponse({"detail": "Content-Type must be application/json"}, status_code=415)
        body = await request.body()
        try:
            payload = await to_thread.run_sync(read_input, body, endpoint.model, limiter=reading)
        except NotUtf8Error as error:
            return JSONResponse({"detail": str(error)}, status_code=400)
        except InvalidInputError as error:
            problems = [{**problem, "loc": ["body", *problem["loc"]]} for problem in error.problems]
            return JSONResponse({"detail": problems}, status_code=422)
        del body
        work = asyncio.ensure_future(endpoint.handler(compute)(payload))
        watcher = asyncio.create_task(_cancel_when_abandoned(request, work))
        try:
            await asyncio.wait([work])
        finally:
            watcher.cancel()
            work.cancel()
        if work.cancelled():
            return Response(status_code=499)
        try:
            return Response(work.result(), media_type="application/json")
        except RefusedError as error:
            return JSONResponse({"detail": error.detail}, status_code=error.status)

    return answer


def _is_json(content_type: str) -> bool:
    kind = content_type.split(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


async def _cancel_when_abandoned(request: Request, work: asyncio.Future[bytes]) -> None:
    """Nobody waits any more: what is not begun yet is not begun."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    work.cancel()
