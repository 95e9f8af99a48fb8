"""Requests and answers about databases, for HTTP and one-shot commands."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError


class ScopedTable(BaseModel):
    """A requested table; null matches any catalog or schema."""

    catalog: str | None = None
    db: str | None = None
    name: str


class IntrospectRequest(BaseModel):
    """What to read, and from where. `url` is a secret."""

    connection_id: str
    driver: str = "postgres"
    url: str
    schemas: list[str] = ["public"]
    statement_timeout_ms: Annotated[int, Field(ge=1)] = 30_000
    connection_timeout_seconds: Annotated[int, Field(ge=1)] = 5
    table_scope: list[ScopedTable] | None = None

    @field_validator("schemas")
    @classmethod
    def _need_a_schema(cls, schemas: list[str]) -> list[str]:
        if not schemas:
            raise PydanticCustomError("too_short", "database introspection requires at least one schema")
        return schemas


class Column(BaseModel):
    """A column; `type` is the server's spelling, with modifiers."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    comment: str | None


class ForeignKey(BaseModel):
    """One column pair of a foreign key."""

    from_column: str
    to_table: str
    to_column: str
    constraint_name: str | None
    to_db: str | None


class Table(BaseModel):
    """An ordinary or partitioned table."""

    catalog: str | None
    db: str | None
    name: str
    comment: str | None
    columns: list[Column]
    foreign_keys: list[ForeignKey]


class Metadata(BaseModel):
    """The parameters of the request."""

    driver: str
    schemas: list[str]


class IntrospectResponse(BaseModel):
    """The tables of a database at one point in time."""

    connection_id: str
    #: ISO 8601 with the UTC offset.
    extracted_at: str
    metadata: Metadata
    tables: list[Table]
