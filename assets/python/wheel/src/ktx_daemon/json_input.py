"""Parses JSON into validated requests, with error messages for invalid input."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn


@dataclass(frozen=True)
class Form:
    """
    What a request must look like.

    `take` returns the request if the JSON value matches exactly, else None; then the model with this name in this
    module decides. Only that imports pydantic.
    """

    module: str
    model: str
    take: Callable[[Any], Any] = lambda value: None


class NotUtf8Error(ValueError):
    """The body is not UTF-8."""

    def __init__(self) -> None:
        super().__init__("Request body is not UTF-8")


class InvalidInputError(ValueError):
    """The body is not valid JSON or does not match the model; `problems` never quote the input."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        self.problems = problems
        places = ((".".join(map(str, item["loc"])) or "input", item["msg"]) for item in problems)
        super().__init__("Invalid input: " + "; ".join(f"{place}: {message}" for place, message in places))


def read_input(body: bytes, form: Form) -> Any:
    """
    The validated request in a body.

    Raises NotUtf8Error, and InvalidInputError with `type`, `loc` and `msg` of each problem.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotUtf8Error from None
    try:
        # Python's own parser accepts lone surrogates, which pydantic's rejects.
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        position = getattr(error, "pos", 0)
        reason = "nested too deeply, or a number that JSON does not have"
        if isinstance(error, json.JSONDecodeError):
            reason = error.msg
        raise InvalidInputError([_problem("json_invalid", [position], f"JSON decode error: {reason}")]) from None
    request = form.take(value)
    if request is not None:
        return request
    from pydantic import ValidationError

    try:
        return getattr(import_module(form.module), form.model).model_validate(value)
    except ValidationError as error:
        # Without `input` and `ctx`: a body may contain a password.
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidInputError([_problem(item["type"], list(item["loc"]), item["msg"]) for item in found]) from None


def _problem(kind: str, place: list[str | int], message: str) -> dict[str, Any]:
    return {"type": kind, "loc": place, "msg": message}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
