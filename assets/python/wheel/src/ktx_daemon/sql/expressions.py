"""Reads expressions: which columns they contain, and which stored columns those are."""

from __future__ import annotations

from sqlglot import exp

from ktx_daemon.sql.names import names_of
from ktx_daemon.sql.references import GROUP_BY, HAVING, ORDER_BY, SELECT, WHERE, References
from ktx_daemon.sql.sources import NOTHING, Behind, Block, Shape

#: These never contain columns.
_LEAVES = {
    exp.Identifier, exp.Literal, exp.Var, exp.Boolean, exp.Null, exp.Parameter, exp.Placeholder, exp.SessionParameter,
    exp.DataType, exp.JSONPath, exp.NextValueFor, exp.Table,
}  # fmt: skip
_QUERIES = (exp.Query, exp.DML)

#: Dialects where an unqualified name in SELECT or WHERE may be an output of the same block (always possible in GROUP
#: BY, HAVING and ORDER BY).
_ALIASES_IN_SELECT = {"snowflake", "redshift", "databricks", "spark", "duckdb", "clickhouse", "teradata"}
_ALIASES_IN_WHERE = {"snowflake", "duckdb", "clickhouse", "sqlite", "teradata"}

#: Dialects that read `a.b` as field b of column a when there is no source named a.
_DOTTED_FIELDS = {
    "bigquery", "duckdb", "spark", "spark2", "databricks", "hive", "athena", "presto", "trino", "clickhouse",
    "redshift", "drill", "starrocks", "doris",
}  # fmt: skip
#: Dialects that read a source's alias as its whole row.
_WHOLE_ROWS = {"", "postgres", "redshift", "materialize", "risingwave", "bigquery", "duckdb"}
_SEQUENCE_COLUMNS = {"nextval", "currval"}


class ExpressionReader:
    """Walks expressions without recursion: a condition may have 20,000 nested terms."""

    def __init__(self, sql: str, dialect: str) -> None:
        self.sql = sql
        self.dialect = dialect
        self.names = names_of(dialect)
        self.found = References()
        #: How far the text has been read; nodes synthesised by the parser have no position of their own.
        self.last_position = 0
        #: Lower-case names of variables and constants, with the columns behind them.
        self.constants: dict[str, Behind] = {}
        self._takes_alias = {GROUP_BY, HAVING, ORDER_BY}
        if dialect in _ALIASES_IN_SELECT:
            self._takes_alias.add(SELECT)
        if dialect in _ALIASES_IN_WHERE:
            self._takes_alias.add(WHERE)
        self._has_rows = dialect in _WHOLE_ROWS
        self._has_fields = dialect in _DOTTED_FIELDS

    def query(self, node: exp.Expr, parent: Block | None, ctes: dict[str, Shape]) -> Shape:
        """Reads a query inside an expression."""
        raise NotImplementedError

    def creates(self, table: exp.Expr) -> None:
        """Records a table that the text itself creates."""
        raise NotImplementedError

    def position(self, node: exp.Expr) -> int:
        """The position of the node in the text."""
        meta = node._meta
        if meta:
            self.last_position = meta.get("start", self.last_position)
        return self.last_position

    def cte_key(self, identifier: exp.Expr) -> str:
        """The key that identifies a CTE."""
        return self.names.column(identifier) if isinstance(identifier, exp.Identifier) else ""

    def read(self, node: exp.Expr, block: Block, clause: str | None) -> Behind:
        """
        Reads an expression within a clause; None where columns are not reported.

        Returns the columns behind its value: those in it, and those that its subqueries output.
        """
        behind: list[Behind] = []
        stack = [node]
        pop, push = stack.pop, stack.append
        while stack:
            current = pop()
            kind = type(current)
            if kind is exp.Column:
                if type(current.args["this"]) is exp.Star:
                    continue
                names = self.behind(current, block, clause)
                if names:
                    behind.append(names)
                    if clause:
                        self.found.add_columns(self.last_position, clause, names)
            elif kind in _LEAVES:
                continue
            elif isinstance(current, _QUERIES):
                behind.append(self.query(current, block, block.ctes).everything())
            else:
                for value in reversed(current.args.values()):
                    if type(value) is list:
                        for item in reversed(value):
                            if isinstance(item, exp.Expr):
                                push(item)
                    elif isinstance(value, exp.Expr):
                        push(value)
        if len(behind) == 1:
            return behind[0]
        return tuple(dict.fromkeys(name for names in behind for name in names))

    def behind(self, column: exp.Expr, block: Block, clause: str | None) -> Behind:
        """The stored columns that a reference stands for."""
        args = column.args
        identifier = args["this"]
        if type(identifier) is not exp.Identifier:
            return NOTHING
        if not args.get("table"):
            return self._unqualified(identifier, block, clause)
        parts = [args[part] for part in ("catalog", "db", "table") if args.get(part)]
        position = self.position(parts[0])
        parts.append(identifier)
        found = self._qualified(parts, block)
        self.last_position = position
        return found

    def _unqualified(self, identifier: exp.Expr, block: Block, clause: str | None) -> Behind:
        self.position(identifier)
        name = self.names.column(identifier)
        key = name.lower()
        if block.aliases and clause in self._takes_alias and key in block.aliases:
            written = [source.find_written(key) for source in block.sources] if clause != ORDER_BY else []
            known = next((names for names in written if names is not None), None)
            return block.aliases[key] if known is None else known
        if self.constants and key in self.constants:
            return self.constants[key]
        return block.find(name, has_rows=self._has_rows) or NOTHING

    def _qualified(self, parts: list[exp.Expr], block: Block) -> Behind:
        first = parts[0].name.lower()
        source = block.source(first)
        if source is not None:
            return source.find(self.names.column(parts[1]))
        if len(parts) > 2:
            # schema.table.column
            source = block.source(parts[-2].name.lower())
            if source is not None and source.schema == parts[-3].name.lower():
                return source.find(self.names.column(parts[-1]))
        if self._has_fields:
            return block.find(self.names.column(parts[0]), has_rows=False) or NOTHING
        if parts[-1].name.lower() in _SEQUENCE_COLUMNS:
            return NOTHING
        return (self.names.column(parts[-1]),)
