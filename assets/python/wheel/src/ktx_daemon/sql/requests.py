"""
Requests about SQL, for HTTP and one-shot commands.

The functions take a JSON value that matches exactly and return None for any other, which `models` then judges: it
imports pydantic, which takes longer than the answer to a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Taken = TypeVar("Taken")

MOST_WORKERS = 32


@dataclass(slots=True)
class SqlItem:
    """One text of a batch."""

    id: str
    sql: str


@dataclass(slots=True)
class CatalogTable:
    """A table known to the caller."""

    catalog: str | None
    db: str | None
    name: str


@dataclass(slots=True)
class SqlCatalog:
    """The tables used to complete names."""

    tables: Sequence[CatalogTable]


@dataclass(slots=True)
class AnalyzeBatchRequest:
    """Texts to analyse."""

    dialect: str
    items: Sequence[SqlItem]
    catalog: SqlCatalog | None
    max_workers: int | None


@dataclass(slots=True)
class ValidateReadOnlyRequest:
    """A text to check."""

    dialect: str
    sql: str


@dataclass(slots=True)
class TableIdentifierItem:
    """A table name as a query would write it."""

    key: str
    sql_table_name: str
    dialect: str


@dataclass(slots=True)
class ParseTableIdentifierRequest:
    """Names to parse."""

    items: Sequence[TableIdentifierItem]


def take_analyze_batch(value: Any) -> AnalyzeBatchRequest | None:
    """Without fields that are unknown."""
    match value:
        case {"dialect": str(dialect), "items": list(items)}:
            texts = _take_each(_take_item, items)
            given, most = value.get("catalog"), value.get("max_workers")
            catalog = None if given is None else _take_catalog(given)
            is_number = type(most) is int and 1 <= most <= MOST_WORKERS
            if texts is not None and (given is None or catalog) and (most is None or is_number):
                return AnalyzeBatchRequest(dialect, texts, catalog, most)
    return None


def take_validate_read_only(value: Any) -> ValidateReadOnlyRequest | None:
    """Without fields that are unknown."""
    match value:
        case {"dialect": str(dialect), "sql": str(sql)}:
            return ValidateReadOnlyRequest(dialect, sql)
    return None


def take_parse_table_identifier(value: Any) -> ParseTableIdentifierRequest | None:
    """Without fields that are unknown."""
    match value:
        case {"items": list(items)}:
            names = _take_each(_take_identifier, items)
            return None if names is None else ParseTableIdentifierRequest(names)
    return None


def _take_each(take: Callable[[Any], Taken | None], values: Sequence[Any]) -> list[Taken] | None:
    taken = []
    for value in values:
        one = take(value)
        if one is None:
            return None
        taken.append(one)
    return taken


def _take_item(value: Any) -> SqlItem | None:
    match value:
        case {"id": str(key), "sql": str(sql)}:
            return SqlItem(key, sql)
    return None


def _take_identifier(value: Any) -> TableIdentifierItem | None:
    match value:
        case {"key": str(key), "sql_table_name": str(name), "dialect": str(dialect)}:
            return TableIdentifierItem(key, name, dialect)
    return None


def _take_catalog(value: Any) -> SqlCatalog | None:
    match value:
        case {"tables": list(entries)}:
            tables = _take_each(_take_table, entries)
            return None if tables is None else SqlCatalog(tables)
    return None


def _take_table(value: Any) -> CatalogTable | None:
    match value:
        case {"name": str(name)}:
            catalog, db, columns = value.get("catalog"), value.get("db"), value.get("columns", [])
            are_names = all(part is None or isinstance(part, str) for part in (catalog, db))
            if are_names and isinstance(columns, list) and all(isinstance(column, str) for column in columns):
                return CatalogTable(catalog, db, name)
    return None
