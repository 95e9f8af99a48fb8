"""Errors that the caller can act on."""

from __future__ import annotations


class RefusedError(ValueError):
    """A rejected request: `detail` is meant for the caller, `status` is the HTTP status."""

    def __init__(self, detail: str, *, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


class FailedError(RefusedError):
    """The work failed, for a reason that may be shown to the caller."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Daemon request failed: {message}", status=500)
        self.message = message

    def __str__(self) -> str:
        return self.message
