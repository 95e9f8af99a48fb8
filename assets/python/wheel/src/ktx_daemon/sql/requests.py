"""Requests about SQL, for HTTP and one-shot commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ktx_daemon.shapes import Field, any_text, list_of, optional, record, whole_number

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


def _table(catalog: str | None, db: str | None, name: str, columns: object) -> CatalogTable:
    # Columns are accepted, and not used.
    del columns
    return CatalogTable(catalog, db, name)


_TEXT = Field(any_text)
_MAYBE_TEXT = Field(optional(any_text), None)

_read_item = record(SqlItem, id=_TEXT, sql=_TEXT)
_read_table = record(_table, catalog=_MAYBE_TEXT, db=_MAYBE_TEXT, name=_TEXT, columns=Field(list_of(any_text), ()))
_read_catalog = record(SqlCatalog, tables=Field(list_of(_read_table), ()))
_read_identifier = record(TableIdentifierItem, key=_TEXT, sql_table_name=_TEXT, dialect=_TEXT)

read_analyze_batch = record(
    AnalyzeBatchRequest,
    dialect=_TEXT,
    items=Field(list_of(_read_item)),
    catalog=Field(optional(_read_catalog), None),
    max_workers=Field(optional(whole_number(least=1, most=MOST_WORKERS)), None),
)
read_validate_read_only = record(ValidateReadOnlyRequest, dialect=_TEXT, sql=_TEXT)
read_parse_table_identifier = record(ParseTableIdentifierRequest, items=Field(list_of(_read_identifier)))
