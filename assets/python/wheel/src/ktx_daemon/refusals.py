"""Errors that the caller can do something about."""

from __future__ import annotations


class RefusedError(ValueError):
    """A request that is not answered: `detail` is meant for the caller, `status` is that of HTTP."""

    def __init__(self, detail: str, *, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
