"""The HTTP routes of `ktx_daemon.compute`. Imported with the first request for one."""

from __future__ import annotations

import asyncio
from functools import partial

from ktx_daemon.compute import (
    ELSEWHERE_ROUTES,
    ENDPOINTS,
    MAX_BODY_BYTES,
    MAX_WAITING_BYTES,
    Compute,
    Endpoint,
    elsewhere,
)
from ktx_daemon.json_input import NotUtf8Error, read_input
from ktx_daemon.refusals import RefusedError
from ktx_daemon.shapes import InvalidShapeError
from ktx_daemon.threads import in_daemon_thread
from ktx_daemon.web import Budget, Handler, ProblemError, Request, Send, send_json


class ComputeApi:
    """All routes of `ENDPOINTS`, and those of an embedder's wheel, sharing one memory budget."""

    def __init__(self, compute: Compute | None = None) -> None:
        self._compute = compute or Compute()
        self._budget = Budget(MAX_WAITING_BYTES)
        # Parsing a large body holds the GIL; several at once would block everyone.
        self._reading = asyncio.Lock()

    def routes(self) -> dict[str, tuple[str, Handler]]:
        """Method and handler by path."""
        served = {endpoint.path: ("POST", partial(self._answer, endpoint)) for endpoint in ENDPOINTS}
        refused = {path: ("POST", partial(_refuse, path, part)) for path, part in ELSEWHERE_ROUTES.items()}
        return {**served, **refused}

    async def _answer(self, endpoint: Endpoint, request: Request, send: Send) -> None:
        if not _is_json(request.header("content-type")):
            # A page of another site can send any other content type here without a preflight request.
            raise ProblemError(415, "Content-Type must be application/json")
        lease = self._budget.lease()
        try:
            body = await request.read_body(MAX_BODY_BYTES, lease, _busy)
            async with self._reading:
                payload = await in_daemon_thread(partial(read_input, body, endpoint.read))
            del body
            answer = await request.unless_gone(endpoint.handler(self._compute)(payload))
        except NotUtf8Error as error:
            raise ProblemError(400, str(error)) from None
        except InvalidShapeError as error:
            raise ProblemError(422, error.in_body()) from None
        except RefusedError as error:
            raise ProblemError(error.status, error.detail) from None
        finally:
            lease.release()
        await send_json(send, 200, [answer])


async def _refuse(path: str, part: str, _request: Request, _send: Send) -> None:
    raise ProblemError(501, elsewhere(path, part))


def _busy() -> ProblemError:
    detail = "The daemon holds as many requests as it can. Try again in 1 s"
    return ProblemError(429, detail, [("retry-after", "1"), ("connection", "close")])


def _is_json(content_type: str) -> bool:
    kind = content_type.split(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
