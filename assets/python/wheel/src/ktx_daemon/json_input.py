"""Parses JSON into validated requests, with error messages for invalid input."""

from __future__ import annotations

import json
from typing import NoReturn

from ktx_daemon.shapes import InvalidShapeError, Problem, Reader, T


class NotUtf8Error(ValueError):
    """The body is not UTF-8."""

    def __init__(self) -> None:
        super().__init__("Request body is not UTF-8")


def read_input(body: bytes, read: Reader[T]) -> T:
    """
    The validated request in a body.

    Raises NotUtf8Error, and InvalidShapeError when the body is not JSON or has another shape.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotUtf8Error from None
    try:
        # Accepts lone surrogates, which a caller may send who has split an emoji.
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        position = getattr(error, "pos", 0)
        reason = "nested too deeply, or a number that JSON does not have"
        if isinstance(error, json.JSONDecodeError):
            reason = error.msg
        raise InvalidShapeError([Problem("json_invalid", (position,), f"JSON decode error: {reason}")]) from None
    return read(value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
