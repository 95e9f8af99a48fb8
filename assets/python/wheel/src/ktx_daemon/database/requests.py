"""Requests and answers about databases, for HTTP and one-shot commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ktx_daemon.shapes import Field, invalid, list_of, optional, record, text, whole_number


@dataclass
class ScopedTable:
    """A requested table; null matches any catalog or schema."""

    catalog: str | None
    db: str | None
    name: str


@dataclass
class IntrospectRequest:
    """What to read, and from where. `url` is a secret."""

    connection_id: str
    driver: str
    url: str
    schemas: Sequence[str]
    statement_timeout_ms: int
    connection_timeout_seconds: int
    table_scope: Sequence[ScopedTable] | None


def _read_schemas(value: Any) -> list[str]:
    schemas = list_of(text)(value)
    if not schemas:
        raise invalid("too_short", "database introspection requires at least one schema")
    return schemas


_MAYBE_TEXT = Field(optional(text), None)
_read_scoped_table = record(ScopedTable, catalog=_MAYBE_TEXT, db=_MAYBE_TEXT, name=Field(text))

read_introspect = record(
    IntrospectRequest,
    connection_id=Field(text),
    driver=Field(text, "postgres"),
    url=Field(text),
    schemas=Field(_read_schemas, ("public",)),
    statement_timeout_ms=Field(whole_number(least=1), 30_000),
    connection_timeout_seconds=Field(whole_number(least=1), 5),
    table_scope=Field(optional(list_of(_read_scoped_table)), None),
)


@dataclass
class Column:
    """A column; `type` is the server's spelling, with modifiers."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    comment: str | None


@dataclass
class ForeignKey:
    """One column pair of a foreign key."""

    from_column: str
    to_table: str
    to_column: str
    constraint_name: str | None
    to_db: str | None


@dataclass
class Table:
    """An ordinary or partitioned table."""

    catalog: str | None
    db: str | None
    name: str
    comment: str | None
    columns: list[Column]
    foreign_keys: list[ForeignKey]


@dataclass
class Metadata:
    """The parameters of the request."""

    driver: str
    schemas: Sequence[str]


@dataclass
class IntrospectResponse:
    """The tables of a database at one point in time."""

    connection_id: str
    #: ISO 8601 with the UTC offset.
    extracted_at: str
    metadata: Metadata
    tables: list[Table]
