"""Builds tables from rows of the system catalogs. Pure: no database access."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ktx_daemon.database.requests import Column, ForeignKey, ScopedTable, Table
from ktx_daemon.refusals import RefusedError

Row = Mapping[str, Any]


def build_tables(
    table_rows: Iterable[Row],
    column_rows: Iterable[Row],
    foreign_key_rows: Iterable[Row],
    scope: Sequence[ScopedTable] | None = None,
) -> list[Table]:
    """
    Tables sorted by name, with columns and foreign keys in row order.

    Columns and keys of tables that are not listed or not requested are skipped. Raises RefusedError for a row without a
    required text.
    """
    tables: dict[tuple[str | None, str | None, str], Table] = {}
    for row in table_rows:
        table = Table(
            catalog=row.get("catalog"),
            db=row.get("db"),
            name=_text(row, "name"),
            comment=row.get("comment"),
            columns=[],
            foreign_keys=[],
        )
        if _is_wanted(table, scope):
            tables[table.catalog, table.db, table.name] = table
    for row in column_rows:
        owner = tables.get((row.get("catalog"), row.get("db"), _text(row, "table_name")))
        if owner is not None:
            owner.columns.append(
                Column(
                    name=_text(row, "name"),
                    type=_text(row, "type"),
                    nullable=row.get("nullable") is not False,
                    primary_key=row.get("primary_key") is True,
                    comment=row.get("comment"),
                )
            )
    for row in foreign_key_rows:
        owner = tables.get((row.get("catalog"), row.get("db"), _text(row, "table_name")))
        if owner is not None:
            owner.foreign_keys.append(
                ForeignKey(
                    from_column=_text(row, "from_column"),
                    to_table=_text(row, "to_table"),
                    to_column=_text(row, "to_column"),
                    constraint_name=row.get("constraint_name"),
                    to_db=row.get("to_db"),
                )
            )
    return sorted(tables.values(), key=lambda table: (table.catalog or "", table.db or "", table.name))


def _text(row: Row, field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value:
        raise RefusedError(f"database introspection row is missing string field {field}")
    return value


def _is_wanted(table: Table, scope: Sequence[ScopedTable] | None) -> bool:
    if scope is None:
        return True
    return any(
        wanted.name == table.name
        and (wanted.catalog is None or wanted.catalog == table.catalog)
        and (wanted.db is None or wanted.db == table.db)
        for wanted in scope
    )
