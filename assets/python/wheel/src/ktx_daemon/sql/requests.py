"""Requests about SQL, as every entrance takes them (HTTP and one-shot commands)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, PlainValidator
from pydantic_core import PydanticCustomError


def _any_text(value: object) -> str:
    # A caller may cut an emoji in two, and its JSON carries the half: pydantic's own check refuses that.
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return value


AnyText = Annotated[str, PlainValidator(_any_text)]


class SqlItem(BaseModel):
    """One text of a batch."""

    id: AnyText
    sql: AnyText


class CatalogTable(BaseModel):
    """A table that the caller knows."""

    catalog: AnyText | None = None
    db: AnyText | None = None
    name: AnyText
    columns: list[AnyText] = []


class SqlCatalog(BaseModel):
    """The tables that names are completed from."""

    tables: list[CatalogTable] = []


class AnalyzeBatchRequest(BaseModel):
    """Texts to analyse."""

    dialect: AnyText
    items: list[SqlItem]
    catalog: SqlCatalog | None = None
    max_workers: Annotated[int, Field(ge=1, le=32)] | None = None


class ValidateReadOnlyRequest(BaseModel):
    """A text to judge."""

    dialect: AnyText
    sql: AnyText


class TableIdentifierItem(BaseModel):
    """A table's name as a query would write it."""

    key: AnyText
    sql_table_name: AnyText
    dialect: AnyText


class ParseTableIdentifierRequest(BaseModel):
    """Names to take apart."""

    items: list[TableIdentifierItem]
