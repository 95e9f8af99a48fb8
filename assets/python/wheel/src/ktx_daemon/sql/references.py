"""Collects the references of a text, in order of appearance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

#: Clause names in the answers.
SELECT, WHERE, JOIN, GROUP_BY, HAVING, ORDER_BY = "select", "where", "join", "groupBy", "having", "orderBy"
CLAUSES = (SELECT, WHERE, JOIN, GROUP_BY, HAVING, ORDER_BY)


class TableName(NamedTuple):
    """A stored table as written in the text, folded by its dialect. Omitted parts are None."""

    catalog: str | None
    db: str | None
    name: str


@dataclass
class References:
    """Tables and columns with their positions in the text."""

    tables: list[tuple[int, TableName]] = field(default_factory=list)
    columns: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def add_table(self, position: int, table: TableName) -> None:
        self.tables.append((position, table))

    def add_columns(self, position: int, clause: str, names: Iterable[str]) -> None:
        self.columns.setdefault(clause, []).extend((position, name) for name in names)

    def tables_in_order(self) -> list[TableName]:
        """Tables without duplicates, by first appearance."""
        return list(dict.fromkeys(table for _, table in sorted(self.tables, key=_position)))

    def columns_in_order(self) -> dict[str, list[str]]:
        """Columns of each clause without duplicates, by first appearance; clauses without columns are omitted."""
        return {
            clause: list(dict.fromkeys(name for _, name in sorted(self.columns[clause], key=_position)))
            for clause in CLAUSES
            if self.columns.get(clause)
        }


def _position(entry: tuple[int, object]) -> int:
    return entry[0]
