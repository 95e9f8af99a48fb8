"""How each dialect stores the names in a text."""

from __future__ import annotations

from functools import cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy

#: In these, quoting does not preserve the case of a name.
_CASE_INSENSITIVE = NormalizationStrategy.CASE_INSENSITIVE
_UPPERCASE = {NormalizationStrategy.UPPERCASE, NormalizationStrategy.CASE_INSENSITIVE_UPPERCASE}


class Names:
    """Folds identifiers of one dialect into their stored form."""

    def __init__(self, dialect: str) -> None:
        strategy = Dialect.get_or_raise(dialect or None).normalization_strategy
        self._is_bigquery = dialect == "bigquery"
        self._folds_quoted = strategy is _CASE_INSENSITIVE
        self._has_upper = strategy in _UPPERCASE
        self._is_exact = strategy is NormalizationStrategy.CASE_SENSITIVE

    def table(self, identifier: exp.Expr) -> str:
        """The stored form of one part of a table name. Temporary tables of T-SQL keep their `#`."""
        args = identifier.args
        name: str = args["this"]
        if args.get("temporary"):
            name = f"#{name}"
        elif args.get("global_"):
            name = f"##{name}"
        return name if self._is_bigquery else self._fold(name, args.get("quoted"))

    def column(self, identifier: exp.Expr) -> str:
        """The stored form of a column name."""
        args = identifier.args
        return args["this"].lower() if self._is_bigquery else self._fold(args["this"], args.get("quoted"))

    def _fold(self, name: str, is_quoted: bool | None) -> str:
        if self._is_exact:
            return name
        if is_quoted and not self._folds_quoted:
            return name
        return name.upper() if self._has_upper else name.lower()


@cache
def names_of(dialect: str) -> Names:
    """The rules for a dialect returned by `resolve_dialect`."""
    return Names(dialect)
