"""Errors that the caller can do something about."""

from __future__ import annotations


class RefusedError(ValueError):
    """A request that is not answered: `detail` is meant for the caller, `status` is that of HTTP."""

    def __init__(self, detail: str, *, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


class FailedError(RefusedError):
    """Work that could not be done, for a reason that the caller may see."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Daemon request failed: {message}", status=500)
        self.message = message

    def __str__(self) -> str:
        return self.message
