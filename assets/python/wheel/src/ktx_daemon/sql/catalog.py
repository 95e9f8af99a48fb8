"""The tables known to the caller, used to complete partial names in a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ktx_daemon.sql.references import TableName

_Key = tuple[str, ...]


class Catalog:
    """Finds the known tables that a reference may mean, matching names from the right."""

    def __init__(self, entries: Iterable[Sequence[str | None]]) -> None:
        tables = (TableName(catalog or None, db or None, name or "") for catalog, db, name in entries)
        self._entries = list(dict.fromkeys(tables))
        self._exact = _index(self._entries, folded=False)
        self._folded: dict[_Key, list[TableName]] | None = None

    def __bool__(self) -> bool:
        return bool(self._entries)

    def resolve(self, table: TableName) -> Sequence[TableName]:
        """Every entry that the reference may mean, in the catalog's spelling; without a match, the reference itself."""
        if table.catalog and not table.db:
            return self._resolve_with_gap(table)
        key = _written(table)
        found = self._exact.get(key)
        if found is None:
            if self._folded is None:
                self._folded = _index(self._entries, folded=True)
            key = tuple(part.casefold() for part in key)
            found = self._folded.get(key)
        if found is None:
            return [table]
        # An exact match takes precedence over longer entries with the same ending.
        whole = [entry for entry in found if len(_written(entry)) == len(key)]
        return whole or found

    def _resolve_with_gap(self, table: TableName) -> Sequence[TableName]:
        for fold in (str, str.casefold):
            wanted = (fold(table.catalog or ""), fold(table.name))
            found = [entry for entry in self._entries if (fold(entry.catalog or ""), fold(entry.name)) == wanted]
            if found:
                return found
        return [table]


def _written(table: TableName) -> _Key:
    return tuple(part for part in table if part)


def _index(entries: Iterable[TableName], *, folded: bool) -> dict[_Key, list[TableName]]:
    index: dict[_Key, list[TableName]] = {}
    for entry in entries:
        key = _written(entry)
        if folded:
            key = tuple(part.casefold() for part in key)
        for start in range(len(key)):
            index.setdefault(key[start:], []).append(entry)
    return index
