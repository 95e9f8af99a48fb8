"""Reads whole statements: queries, and statements that change data or structure."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from ktx_daemon.sql.from_clause import FromReader
from ktx_daemon.sql.queries import Ctes
from ktx_daemon.sql.references import JOIN, ORDER_BY, SELECT, WHERE
from ktx_daemon.sql.sources import Block, ProposedSource, Shape, StoredSource

#: These name no stored table where the grammar has a table: procedures, databases, settings.
_NAMELESS = (exp.Execute, exp.Use, exp.Attach, exp.Detach, exp.Pragma, exp.Show, exp.Kill)
#: Kinds of CREATE, DROP, ALTER and COMMENT that concern a stored table.
_TABLE_KINDS = {"TABLE", "VIEW", "MATERIALIZED VIEW", "EXTERNAL TABLE", "FOREIGN TABLE", "STREAMING TABLE", "COLUMN"}
#: T-SQL's names for added and removed rows.
_CHANGED_ROWS = ("inserted", "deleted")


class StatementReader(FromReader):
    """Reads the statements of one text, in order."""

    def __init__(self, sql: str, dialect: str) -> None:
        super().__init__(sql, dialect)
        self._readers: dict[type, Callable[[exp.Expr, Block], Shape]] = {
            exp.Insert: self._insert,
            exp.Update: self._update,
            exp.Delete: self._delete,
            exp.Merge: self._merge,
        }
        self._others: dict[type, Callable[[exp.Expr], None]] = {
            exp.Create: self._create,
            exp.Drop: self._drop,
            exp.Alter: self._alter,
            exp.Declare: self._declare,
            exp.Cache: self._cache,
            exp.MultitableInserts: self._multiple_inserts,
        }

    def read_statement(self, node: exp.Expr) -> None:
        """Reads one statement of the text."""
        if isinstance(node, exp.Query):
            self.query(node, None, {})
        elif type(node) in self._readers:
            self.returning_statement(node, None, {})
        elif type(node) in self._others:
            self._others[type(node)](node)
        elif not isinstance(node, (exp.Command, exp.Semicolon)):
            self._anything(node, has_tables=not isinstance(node, (*_NAMELESS, exp.Set)))

    def returning_statement(self, node: exp.Expr, parent: Block | None, ctes: Ctes) -> Shape:
        reader = self._readers.get(type(node))
        if reader is None:
            self.read_statement(node)
            return Shape()
        return reader(node, Block(parent, self.with_ctes(node, parent, ctes)))

    def _anything(self, node: exp.Expr, *, has_tables: bool) -> None:
        """Other statements: the queries, data changes and tables they contain."""
        stack = [node]
        while stack:
            current = stack.pop()
            if current is not node and isinstance(current, (exp.Query, exp.DML, *self._others)):
                self.read_statement(current)
                continue
            if type(current) is exp.Table:
                if has_tables:
                    self.touch(current)
                continue
            if isinstance(current, (exp.AlterRename, *_NAMELESS)):
                continue
            for value in reversed(current.args.values()):
                for item in reversed(value) if type(value) is list else (value,):
                    if isinstance(item, exp.Expr):
                        stack.append(item)

    def _target(self, node: exp.Expr | None, block: Block) -> None:
        """The table that a statement changes, as a source of its block."""
        target = node.this if isinstance(node, exp.Schema) else node
        if not isinstance(target, exp.Expr):
            return
        if isinstance(target, exp.Table):
            self.read_source(target, block)
        else:
            self._anything(target, has_tables=True)

    def _returning(self, node: exp.Expr, block: Block) -> Shape:
        returning = node.args.get("returning")
        if not returning:
            return Shape()
        target = block.sources[0] if block.sources else None
        if target is not None:
            block.sources.extend(StoredSource(name) for name in _CHANGED_ROWS)
        # Unqualified names are columns of the target, whatever else the statement contains.
        own = Block(block, block.ctes)
        own.sources = block.sources[:1]
        into = returning.args.get("into")
        if isinstance(into, exp.Expr):
            self._anything(into, has_tables=True)
        return self._projections(returning.expressions, own)

    def _assignments(self, assignments: list[exp.Expr], block: Block) -> None:
        for assignment in assignments:
            if isinstance(assignment, exp.EQ):
                self.read(assignment.expression, block, SELECT)

    def _clauses(self, node: exp.Expr, block: Block) -> None:
        where, order = node.args.get("where"), node.args.get("order")
        if isinstance(where, exp.Expr):
            self.read(where, block, WHERE)
        if isinstance(order, exp.Expr):
            self.read(order, block, ORDER_BY)

    def _insert(self, node: exp.Expr, block: Block) -> Shape:
        self._target(node.this, block)
        given = Shape()
        expression = node.args.get("expression")
        if isinstance(expression, exp.Query):
            given = self.query(expression, None, block.ctes)
        elif isinstance(expression, exp.Expr):
            self._anything(expression, has_tables=True)
        self._clauses(node, block)
        conflict = node.args.get("conflict")
        if isinstance(conflict, exp.Expr):
            listed = node.this.expressions if isinstance(node.this, exp.Schema) else []
            proposed = Block(block, block.ctes)
            proposed.sources = [
                *block.sources,
                ProposedSource("excluded", Shape(given.names, given.columns).renamed([c.name.lower() for c in listed])),
            ]
            self._assignments(conflict.expressions, proposed)
            self._clauses(conflict, proposed)
        return self._returning(node, block)

    def _update(self, node: exp.Expr, block: Block) -> Shape:
        target, source = node.this, node.args.get("from_")
        conditions: list[exp.Expr] = []
        if source is not None and self._is_alias_of_source(target, source):
            # UPDATE o SET … FROM orders AS o
            pass
        elif isinstance(target, exp.Table):
            self.read_source(target, block, conditions)
        if source is not None:
            self.read_source(source.this, block, conditions)
        for join in conditions:
            self._join_condition(join, block)
        self._assignments(node.expressions, block)
        self._clauses(node, block)
        return self._returning(node, block)

    def _is_alias_of_source(self, target: exp.Expr, source: exp.Expr) -> bool:
        if not isinstance(target, exp.Table) or target.args.get("db") or target.args.get("alias"):
            return False
        name = target.name.lower()
        joined = [source.this, *(join.this for join in source.this.args.get("joins") or ())]
        return any(table.alias.lower() == name for table in joined if table.args.get("alias"))

    def _delete(self, node: exp.Expr, block: Block) -> Shape:
        conditions: list[exp.Expr] = []
        using = node.args.get("using") or []
        target = node.this
        aliases = {table.alias.lower() for table in using if table.args.get("alias")}
        is_alias = isinstance(target, exp.Table) and not target.args.get("db") and target.name.lower() in aliases
        if isinstance(target, exp.Table) and not is_alias:
            self.read_source(target, block, conditions)
        for table in using:
            self.read_source(table, block, conditions)
        for join in conditions:
            self._join_condition(join, block)
        self._clauses(node, block)
        return self._returning(node, block)

    def _merge(self, node: exp.Expr, block: Block) -> Shape:
        self._target(node.this, block)
        self.read_source(node.args["using"], block)
        if isinstance(node.args.get("on"), exp.Expr):
            self.read(node.args["on"], block, JOIN)
        for name in node.args.get("using_cond") or ():
            if isinstance(name, exp.Identifier):
                self.found.add_columns(self.position(name), JOIN, (self.names.column(name),))
        for when in node.args["whens"].expressions:
            condition, action = when.args.get("condition"), when.args.get("then")
            if isinstance(condition, exp.Expr):
                self.read(condition, block, WHERE)
            if isinstance(action, exp.Update):
                self._assignments(action.expressions, block)
                self._clauses(action, block)
            elif isinstance(action, exp.Insert):
                if isinstance(action.expression, exp.Expr):
                    self.read(action.expression, block, SELECT)
                self._clauses(action, block)
        return self._returning(node, block)

    def _create(self, node: exp.Expr) -> None:
        kind = (node.args.get("kind") or "").upper()
        target, expression = node.this, node.args.get("expression")
        is_table = isinstance(target, (exp.Table, exp.Schema)) and kind in _TABLE_KINDS
        ctes = self.with_ctes(node, None, {})
        if isinstance(expression, exp.Query):
            self.query(expression, None, ctes)
        elif isinstance(expression, exp.Expr):
            self._anything(expression, has_tables=kind != "FUNCTION" and kind != "PROCEDURE")
        if isinstance(target, exp.Schema):
            for part in target.expressions:
                self._anything(part, has_tables=True)
        elif isinstance(target, exp.Index):
            self._anything(target, has_tables=True)
        for name in ("clone", "properties"):
            part = node.args.get(name)
            if isinstance(part, exp.Expr):
                self._anything(part, has_tables=True)
        if is_table:
            self.creates(target)

    def _drop(self, node: exp.Expr) -> None:
        if (node.args.get("kind") or "TABLE").upper() in _TABLE_KINDS:
            tables = node.args.get("tables") or [node.this]
            for table in tables:
                if isinstance(table, exp.Table):
                    self.touch(table)

    def _alter(self, node: exp.Expr) -> None:
        if (node.args.get("kind") or "TABLE").upper() in _TABLE_KINDS:
            self._anything(node, has_tables=True)

    def _cache(self, node: exp.Expr) -> None:
        if isinstance(node.args.get("expression"), exp.Query):
            self.query(node.args["expression"], None, {})
        self.creates(node.this)

    def _multiple_inserts(self, node: exp.Expr) -> None:
        for insert in node.expressions:
            inner = insert.this if isinstance(insert, exp.ConditionalInsert) else insert
            self._anything(inner, has_tables=True)
        if isinstance(node.args.get("source"), exp.Query):
            self.query(node.args["source"], None, {})

    def _declare(self, node: exp.Expr) -> None:
        for item in node.expressions:
            variables = item.this if isinstance(item.this, list) else [item.this]
            for variable in variables:
                if isinstance(variable, exp.Identifier):
                    self.constants[variable.name.lower()] = ()
            default = item.args.get("default")
            if isinstance(default, exp.Expr):
                self._anything(default, has_tables=False)
