"""
The shapes of requests: checks JSON values, and says what is wrong with them.

Problems have the `type`, `loc` and `msg` that pydantic gives them, since callers know these. pydantic itself takes as
long to import as the SQL parser, would be the only compiled package of `core`, and checked four small requests here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

#: Takes a JSON value. Raises InvalidShapeError.
Reader = Callable[[Any], T]

#: As long as Python converts.
_WHOLE = re.compile(r"\s*([+-]?[0-9]{1,4300})(?:\.0*)?\s*", re.ASCII)


class Problem(NamedTuple):
    """What is wrong with a value, and where in the document. Never quotes the value."""

    kind: str
    place: tuple[str | int, ...]
    message: str


class InvalidShapeError(ValueError):
    """A value does not have the shape that was asked for."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        places = ((".".join(map(str, problem.place)) or "input", problem.message) for problem in problems)
        super().__init__("Invalid input: " + "; ".join(f"{place}: {message}" for place, message in places))

    def at(self, place: str | int) -> list[Problem]:
        """The problems, seen from the value that has this one at `place`."""
        return [Problem(problem.kind, (place, *problem.place), problem.message) for problem in self.problems]

    def in_body(self) -> list[dict[str, Any]]:
        """The problems as in the detail of an answer 422."""
        return [{"type": kind, "loc": ["body", *place], "msg": message} for kind, place, message in self.problems]


def invalid(kind: str, message: str) -> InvalidShapeError:
    """The error for a value with one problem."""
    return InvalidShapeError([Problem(kind, (), message)])


class Field:
    """One member of an object. Without `default` it is required."""

    def __init__(self, read: Reader[Any], default: Any = ...) -> None:
        self.read = read
        self._default = default

    def absent(self) -> Any:
        """Its value when it was not sent."""
        if self._default is ...:
            raise invalid("missing", "Field required")
        return self._default


def record(kind: Callable[..., T], **fields: Field) -> Reader[T]:
    """An object: calls `kind` with its members. Others are ignored."""

    def take(value: Any) -> T:
        if not isinstance(value, dict):
            raise invalid("model_type", "Input should be an object")
        given: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, field in fields.items():
            try:
                given[name] = field.read(value[name]) if name in value else field.absent()
            except InvalidShapeError as error:
                problems += error.at(name)
        if problems:
            raise InvalidShapeError(problems)
        return kind(**given)

    return take


def list_of(read: Reader[T], *, least: int = 0, most: int | None = None) -> Reader[list[T]]:
    """A list with so many entries."""

    def take(value: Any) -> list[T]:
        if not isinstance(value, list):
            raise invalid("list_type", "Input should be a valid list")
        count = len(value)
        if count < least:
            raise invalid("too_short", f"List should have at least {_items(least)} after validation, not {count}")
        if most is not None and count > most:
            raise invalid("too_long", f"List should have at most {_items(most)} after validation, not {count}")
        taken: list[T] = []
        problems: list[Problem] = []
        for position, entry in enumerate(value):
            try:
                taken.append(read(entry))
            except InvalidShapeError as error:
                problems += error.at(position)
        if problems:
            raise InvalidShapeError(problems)
        return taken

    return take


def _items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'}"


def optional(read: Reader[T]) -> Reader[T | None]:
    """The same, or null."""
    return lambda value: None if value is None else read(value)


def any_text(value: Any) -> str:
    """Any string, also with half of a surrogate pair: a caller may split an emoji."""
    if not isinstance(value, str):
        raise invalid("string_type", "Input should be a valid string")
    return value


def text(value: Any) -> str:
    """A string that can be sent as UTF-8."""
    try:
        any_text(value).encode()
    except UnicodeEncodeError:
        message = "Input should be a valid string, unable to parse raw data as a unicode string"
        raise invalid("string_unicode", message) from None
    return str(value)


def whole_number(*, least: int, most: int | None = None) -> Reader[int]:
    """An integer, also as a text or a number with a fraction of 0."""

    def take(value: Any) -> int:
        number = _whole(value)
        if number < least:
            raise invalid("greater_than_equal", f"Input should be greater than or equal to {least}")
        if most is not None and number > most:
            raise invalid("less_than_equal", f"Input should be less than or equal to {most}")
        return number

    return take


def _whole(value: Any) -> int:
    if isinstance(value, int):
        return int(value)
    what = "Input should be a valid integer"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise invalid("finite_number", "Input should be a finite number")
        if not value.is_integer():
            raise invalid("int_from_float", f"{what}, got a number with a fractional part")
        return int(value)
    if not isinstance(value, str):
        raise invalid("int_type", what)
    found = _WHOLE.fullmatch(value)
    if found is None:
        raise invalid("int_parsing", f"{what}, unable to parse string as an integer")
    return int(found[1])
