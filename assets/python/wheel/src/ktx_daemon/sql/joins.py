"""Parses joins without a condition in linear time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.parser import Parser


def parser_of(dialect: Dialect) -> Parser:
    """A parser for one text."""
    return _parser_class(dialect.parser_class)(dialect=dialect)


@cache
def _parser_class(base: type[Parser]) -> type[Parser]:
    """
    For a join without ON or USING, the parser first tries whether the joins behind it are part of it
    (`a JOIN b JOIN c ON … ON …`), and parses them once more when they are not. Each of those does the same, so
    20 such joins in a row took ten seconds. Here an attempt that failed is not made again.
    """

    class JoinParser(base):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            #: For each join being parsed, the position of its last attempt.
            self._attempts: list[int | None] = []
            self._failed: set[int] = set()

        def parse(self, *args: Any, **kwargs: Any) -> Any:
            self._attempts, self._failed = [], set()
            return super().parse(*args, **kwargs)

        def _parse_joins(self, alias_tokens: Collection[Any] | None = None) -> Iterable[exp.Join]:
            if self._attempts:
                if self._index in self._failed:
                    return ()
                self._attempts[-1] = self._index
            return super()._parse_joins(alias_tokens=alias_tokens)

        def _parse_join(self, *args: Any, **kwargs: Any) -> exp.Join | None:
            self._attempts.append(None)
            try:
                join = super()._parse_join(*args, **kwargs)
                attempt = self._attempts[-1]
            finally:
                self._attempts.pop()
            # A failed attempt leaves the parser where it began.
            if join is not None and attempt == self._index:
                self._failed.add(attempt)
            return join

    return JoinParser

