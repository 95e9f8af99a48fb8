"""
Finds the tables and columns of one SQL query. Pure: text in, names out; no database is asked.

Without a schema some questions have no answer. They are left open instead of guessed: a column that could belong to
several tables is reported without a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.scope import Scope, traverse_scope


class SqlError(ValueError):
    """The text is not one query that can be analysed; the message says why."""


@dataclass(frozen=True)
class TableReference:
    """A stored table or view. Schema and catalog are empty where the query does not write them."""

    name: str
    schema: str = ""
    catalog: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.catalog, self.schema, self.name) if part)


@dataclass(frozen=True)
class ColumnReference:
    """A column of a stored table; `*` stands for all. `table` is None where only the schema could tell."""

    name: str
    table: TableReference | None

    def __str__(self) -> str:
        return f"{self.table or '?'}.{self.name}"


@dataclass(frozen=True)
class QueryReferences:
    """Everything a query refers to: each once, in alphabetical order."""

    tables: tuple[TableReference, ...]
    columns: tuple[ColumnReference, ...]


def find_references(sql: str, dialect: str | None = None) -> QueryReferences:
    """
    The stored tables and columns that one query (SELECT, set operation, WITH … SELECT) refers to.

    Names of common table expressions, derived tables and aliases are resolved and not reported. Names come in the
    form in which the dialect stores them (unquoted ones folded to its case). `dialect` is a name that sqlglot knows,
    such as `snowflake`; without it the common ground of SQL is read.

    Raises SqlError for text that cannot be parsed, for anything but exactly one statement, and for a statement that
    is not a query.
    """
    query = normalize_identifiers(_parse_query(sql, dialect), dialect=dialect)
    tables: set[TableReference] = set()
    columns: set[ColumnReference] = set()
    seen: set[int] = set()
    # Inner scopes come first, so a column is resolved where it stands, not in a query around it.
    for scope in traverse_scope(query):
        tables.update(table for table in _sources(scope).values() if table)
        columns.update(_stars(scope))
        for column in scope.columns:
            if id(column) not in seen and not isinstance(column.this, exp.Star):
                seen.add(id(column))
                columns.update(_resolve(column, scope))
    return QueryReferences(tuple(sorted(tables, key=str)), tuple(sorted(columns, key=str)))


def _parse_query(sql: str, dialect: str | None) -> exp.Query:
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=dialect) if statement is not None]
    except (SqlglotError, ValueError) as error:
        raise SqlError(_describe(error)) from error
    if len(statements) != 1:
        raise SqlError(f"expected one statement, found {len(statements)}")
    (statement,) = statements
    if not isinstance(statement, exp.Query):
        raise SqlError(f"only queries are analysed, this is {statement.key.upper()}")
    return statement


def _describe(error: Exception) -> str:
    # The message itself carries terminal colours.
    details = getattr(error, "errors", None)
    if details:
        first = details[0]
        return f"{first['description']} (line {first['line']}, column {first['col']})"
    return str(error)


def _sources(scope: Scope) -> dict[str, TableReference | None]:
    """What the scope reads, by the name it goes by there: a stored table, or None for something made in the query."""
    return {name: _table(source) for name, (_, source) in scope.selected_sources.items()}


def _table(source: exp.Expression | Scope) -> TableReference | None:
    # A table function is a Table too, with a function where the name would be.
    if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
        return None
    return TableReference(source.name, source.db, source.catalog)


def _visible_sources(scope: Scope) -> Iterator[dict[str, TableReference | None]]:
    """The scope's own sources, then those of each query around it that it may refer to."""
    current: Scope | None = scope
    while current is not None:
        yield _sources(current)
        is_correlated = current.is_subquery or current.is_udtf
        current = current.parent if is_correlated else None


def _resolve(column: exp.Column, scope: Scope) -> Iterator[ColumnReference]:
    visible = list(_visible_sources(scope))
    if column.table:
        for sources in visible:
            if column.table in sources:
                table = sources[column.table]
                if table:
                    yield ColumnReference(column.name, table)
                return
        yield ColumnReference(column.name, None)
        return
    candidates = [table for sources in visible for table in sources.values()]
    if len(candidates) > 1:
        yield ColumnReference(column.name, None)
    elif candidates and candidates[0]:
        yield ColumnReference(column.name, candidates[0])


def _stars(scope: Scope) -> Iterator[ColumnReference]:
    if not isinstance(scope.expression, exp.Select):
        return
    sources = _sources(scope)
    for selected in scope.expression.expressions:
        if isinstance(selected, exp.Star):
            yield from (ColumnReference("*", table) for table in sources.values() if table)
        elif isinstance(selected, exp.Column) and isinstance(selected.this, exp.Star):
            table = sources.get(selected.table)
            if table:
                yield ColumnReference("*", table)
