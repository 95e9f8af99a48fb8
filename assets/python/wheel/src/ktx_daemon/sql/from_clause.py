"""Reads the entries of FROM clauses: tables, derived tables, functions, and unnested or pivoted data."""

from __future__ import annotations

from sqlglot import exp

from ktx_daemon.sql.queries import QueryReader
from ktx_daemon.sql.references import TableName
from ktx_daemon.sql.sources import (
    Behind,
    Block,
    DerivedSource,
    PivotedSource,
    Shape,
    Source,
    StoredSource,
    UnnestedSource,
)

#: Functions that return the elements of a column.
_UNNESTING = (exp.Unnest, exp.Explode, exp.ExplodeOuter, exp.Posexplode, exp.PosexplodeOuter, exp.Inline)
_FILE_FORMATS = {"parquet", "delta", "csv", "json", "orc", "text", "avro", "binaryfile"}


class FromReader(QueryReader):
    """Adds the sources of a FROM clause to their block, and records the stored tables among them."""

    def __init__(self, sql: str, dialect: str) -> None:
        super().__init__(sql, dialect)
        self._created: set[TableName] = set()

    def read_source(self, node: exp.Expr, block: Block, conditions: list[exp.Expr] | None = None) -> None:
        """Reads one entry; join conditions are added to `conditions`, to be read once all sources are known."""
        waiting: list[exp.Expr] = [] if conditions is None else conditions
        args = node.args
        source = self._source(node, block, waiting)
        for pivot in args.get("pivots") or ():
            if source is not None:
                source = self._pivoted(pivot, source, block)
        if source is not None:
            block.sources.append(source)
        for join in args.get("joins") or ():
            self.read_join(join, block, waiting)
        for lateral in args.get("laterals") or ():
            self.read_source(lateral, block, waiting)

    def _source(self, node: exp.Expr, block: Block, conditions: list[exp.Expr]) -> Source | None:
        key, columns = _alias(node.args.get("alias"))
        if type(node) is exp.Final:
            # ClickHouse's FINAL wraps the table and may have the alias.
            node = node.this
            key, columns = (key, columns) if key else _alias(node.args.get("alias"))
        kind = type(node)
        if kind is exp.Table:
            return self._table(node, block, key, columns)
        if kind is exp.Subquery and not isinstance(node.this, exp.Query):
            # Joined tables in parentheses; an alias hides them behind one name.
            inner = Block(block.parent, block.ctes) if key else block
            if inner is block:
                self.read_source(node.this, block, conditions)
                return None
            self.read_source(node.this, inner)
            return DerivedSource(key, Shape(open_sources=inner.sources).renamed(columns))
        if kind is exp.Lateral or kind is exp.TableFromRows:
            inner_node = node.this
            if isinstance(inner_node, exp.Query):
                return DerivedSource(key, self.query(inner_node, block, block.ctes).renamed(columns))
            return self._function(inner_node, block, key, columns)
        if isinstance(node, exp.Query) and kind is not exp.Values:
            return DerivedSource(key, self.query(node, block.parent, block.ctes).renamed(columns))
        if kind is exp.Alias:
            # ClickHouse's ARRAY JOIN
            return UnnestedSource(node.alias.lower(), self.read(node.this, block, None), ())
        if kind is exp.Column:
            behind = self.read(node, block, None)
            return UnnestedSource(node.name.lower(), behind, ())
        return self._function(node, block, key, columns)

    def _function(self, node: exp.Expr, block: Block, key: str, columns: list[str]) -> Source:
        behind = self.read(node, block, None)
        if isinstance(node, _UNNESTING) or (type(node) is exp.Anonymous and node.name.lower() == "flatten"):
            return UnnestedSource(key or (columns[0] if columns else ""), behind, columns)
        if not key and isinstance(node, exp.Func):
            key = node.sql_name().lower() if type(node) is not exp.Anonymous else node.name.lower()
        return Source(key)

    def _table(self, node: exp.Expr, block: Block, key: str, columns: list[str]) -> Source:
        args = node.args
        parts = self.table_parts(node)
        if parts is None:
            for function in args.get("rows_from") or ():
                self.read_source(function, block)
            inner = args.get("this")
            return self._function(inner, block, key, columns) if inner else Source(key)
        name = parts[-1]
        if len(parts) == 1:
            shape = block.ctes.get(self.cte_key(name))
            if shape is not None:
                return DerivedSource(key or name.name.lower(), shape.renamed(columns), is_aliased=bool(key))
        elif len(parts) == 2:
            # FROM orders o, o.items: the elements of a column of an earlier source
            owner = next((source for source in block.sources if source.key == parts[0].name.lower()), None)
            if owner is not None and owner.is_aliased:
                return UnnestedSource(key or name.name.lower(), owner.find(self.names.column(name)), columns)
        self.touch(node)
        schema = parts[-2].name.lower() if len(parts) > 1 else ""
        return StoredSource(key or name.name.lower(), is_aliased=bool(key), schema=schema)

    def table_parts(self, table: exp.Expr) -> list[exp.Expr] | None:
        """The identifiers of a stored table, at most the last three; None for a function, variable, stage or file."""
        args = table.args
        parts = [args[part] for part in ("catalog", "db") if isinstance(args.get(part), exp.Identifier)]
        name = args.get("this")
        # Four-part names are nested; the server is dropped.
        while isinstance(name, exp.Dot):
            parts.append(name.this)
            name = name.expression
        parts.append(name)
        if not all(isinstance(part, exp.Identifier) for part in parts) or not name.name:
            return None
        if name.args.get("quoted") and self._is_file(name, parts):
            return None
        return parts[-3:]

    def _is_file(self, name: exp.Expr, parts: list[exp.Expr]) -> bool:
        start = (name._meta or {}).get("start")
        if start is not None and self.sql[start : start + 1] == "'":
            return True
        return len(parts) == 2 and parts[0].name.lower() in _FILE_FORMATS and "/" in name.name

    def touch(self, table: exp.Expr) -> None:
        """Reports a stored table, unless the text created it."""
        name = self.table_name(table)
        if name and name not in self._created:
            parts = self.table_parts(table) or [table]
            self.found.add_table(self.position(parts[0]), name)

    def table_name(self, table: exp.Expr) -> TableName | None:
        """The folded name of a stored table; None for anything else."""
        parts = self.table_parts(table) if isinstance(table, exp.Table) else None
        if parts is None:
            return None
        folded: list[str | None] = [self.names.table(part) for part in parts]
        catalog, db, name = [None] * (3 - len(folded)) + folded
        if len(folded) == 2 and table.args.get("catalog") and not table.args.get("db"):
            # T-SQL's db..t
            catalog, db = db, None
        return TableName(catalog or None, db or None, name or "")

    def creates(self, table: exp.Expr) -> None:
        name = self.table_name(table.this if isinstance(table, exp.Schema) else table)
        if name:
            self._created.add(name)

    def _pivoted(self, pivot: exp.Expr, base: Source, block: Block) -> Source:
        key, _ = _alias(pivot.args.get("alias"))
        inner = Block(block.parent, block.ctes)
        inner.sources.append(base)
        made: dict[str, Behind] = {}
        if pivot.args.get("unpivot"):
            behind = tuple(name for field in pivot.args.get("fields") or () for name in self.read(field, inner, None))
            for value in pivot.expressions:
                made[value.name.lower()] = behind
            for field in pivot.args.get("fields") or ():
                made[field.this.name.lower()] = ()
        else:
            behind = tuple(name for value in pivot.expressions for name in self.read(value, inner, None))
            for column in pivot.args.get("columns") or ():
                made[column.name.lower().strip("'")] = behind
                made[column.name.lower()] = behind
            for field in pivot.args.get("fields") or ():
                self.read(field, inner, None)
        return PivotedSource(key or base.key, base, made)


def _alias(alias: exp.Expr | None) -> tuple[str, list[str]]:
    """Lower-case name and column names of a source's alias."""
    if alias is None:
        return "", []
    if not isinstance(alias, exp.TableAlias):
        return alias.name.lower(), []
    return alias.name.lower(), [column.name.lower() for column in alias.args.get("columns") or ()]
