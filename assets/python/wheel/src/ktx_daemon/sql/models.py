"""
Requests about SQL as models. They judge what `requests` does not take as it is: they convert it, or say what is wrong.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, PlainValidator
from pydantic_core import PydanticCustomError


def _any_text(value: object) -> str:
    # A caller may split an emoji, leaving half a surrogate pair in its JSON, which pydantic's own check would reject.
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return value


AnyText = Annotated[str, PlainValidator(_any_text)]


class SqlItem(BaseModel):
    """One text of a batch."""

    id: AnyText
    sql: AnyText


class CatalogTable(BaseModel):
    """A table known to the caller."""

    catalog: AnyText | None = None
    db: AnyText | None = None
    name: AnyText
    columns: list[AnyText] = []


class SqlCatalog(BaseModel):
    """The tables used to complete names."""

    tables: list[CatalogTable] = []


class AnalyzeBatchRequest(BaseModel):
    """Texts to analyse."""

    dialect: AnyText
    items: list[SqlItem]
    catalog: SqlCatalog | None = None
    max_workers: Annotated[int, Field(ge=1, le=32)] | None = None


class ValidateReadOnlyRequest(BaseModel):
    """A text to check."""

    dialect: AnyText
    sql: AnyText


class TableIdentifierItem(BaseModel):
    """A table name as a query would write it."""

    key: AnyText
    sql_table_name: AnyText
    dialect: AnyText


class ParseTableIdentifierRequest(BaseModel):
    """Names to parse."""

    items: list[TableIdentifierItem]
