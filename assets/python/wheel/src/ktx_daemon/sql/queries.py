"""Reads queries: SELECT, set operations, VALUES, and whatever is in their FROM clauses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from ktx_daemon.sql.expressions import ExpressionReader
from ktx_daemon.sql.references import GROUP_BY, HAVING, JOIN, ORDER_BY, SELECT, WHERE
from ktx_daemon.sql.sources import Behind, Block, DerivedSource, Shape, merged, united

Ctes = dict[str, Shape]

#: Arguments of a query block besides sources and projections, by clause; None is a clause that is not reported.
_CLAUSES: dict[str, str | None] = {
    "prewhere": WHERE,
    "where": WHERE,
    "connect": WHERE,
    "having": HAVING,
    "qualify": HAVING,
    "windows": SELECT,
    "limit": None,
    "offset": None,
    "match": None,
}
_ORDERS = ("order", "sort", "cluster", "distribute")

#: Dialects in which a CTE may refer to itself without the keyword RECURSIVE.
_IMPLICITLY_RECURSIVE = {"tsql", "fabric", "oracle", "snowflake", "exasol"}


class QueryReader(ExpressionReader):
    """Reads queries with the sources, names and CTEs of their blocks."""

    def query(self, node: exp.Expr, parent: Block | None, ctes: Ctes) -> Shape:
        """Reads any query, or a statement that returns rows, and returns its output."""
        kind = type(node)
        if kind is exp.Select:
            return self._select(node, parent, ctes)
        if kind is exp.Subquery:
            return self._parenthesised(node, parent, ctes)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, parent, ctes)
        if kind is exp.Values or kind is exp.Table:
            block = Block(parent, self.with_ctes(node, parent, ctes))
            self.read_source(node, block)
            if kind is exp.Table:
                return Shape(open_sources=block.sources)
            return Shape()
        return self.returning_statement(node, parent, ctes)

    def returning_statement(self, node: exp.Expr, parent: Block | None, ctes: Ctes) -> Shape:
        """Reads a data-changing statement in a CTE; its output is what it returns."""
        raise NotImplementedError

    def with_ctes(self, node: exp.Expr, parent: Block | None, ctes: Ctes) -> Ctes:
        """The CTEs visible in a statement: those of the enclosing scope and its own, which are read here."""
        clause = node.args.get("with_")
        if not clause:
            return ctes
        visible = dict(ctes)
        is_recursive = bool(clause.args.get("recursive"))
        if is_recursive:
            # Later ones may be referenced too.
            for cte in clause.expressions:
                visible[self.cte_key(cte.args["alias"].this)] = Shape()
        for cte in clause.expressions:
            self._cte(cte, parent, visible, is_recursive)
        return visible

    def _cte(self, cte: exp.Expr, parent: Block | None, visible: Ctes, is_recursive: bool) -> None:
        alias = cte.args["alias"]
        key = self.cte_key(alias.this)
        names = [column.name.lower() for column in alias.args.get("columns") or ()]
        body = cte.this
        if not isinstance(body, exp.Expr) or not isinstance(alias.this, exp.Identifier):
            return
        if cte.args.get("scalar"):
            # ClickHouse's `WITH expression AS name`
            self.constants[key.lower()] = self.read(body, Block(parent, visible), SELECT)
            return
        if isinstance(body, exp.SetOperation) and (is_recursive or self.dialect in _IMPLICITLY_RECURSIVE):
            self._anchored = (body, key, names)
        visible[key] = self.query(body, parent, visible).renamed(names)

    def _parenthesised(self, node: exp.Expr, parent: Block | None, ctes: Ctes) -> Shape:
        visible = self.with_ctes(node, parent, ctes)
        inner = node.this
        shape = self.query(inner, parent, visible) if isinstance(inner, exp.Expr) else Shape()
        self._outer_modifiers(node, shape, parent, visible)
        return shape

    def _set_operation(self, node: exp.Expr, parent: Block | None, ctes: Ctes) -> Shape:
        # Thousands of branches nest on the left, so walk them without recursion.
        anchored, self._anchored = self._anchored, None
        operations = []
        current: exp.Expr = node
        while isinstance(current, exp.SetOperation):
            ctes = self.with_ctes(current, parent, ctes)
            operations.append(current)
            current = current.this
        shapes = [self.query(current, parent, ctes)]
        if anchored and anchored[0] is node:
            _, key, names = anchored
            # Later branches read the output of the first.
            ctes = {**ctes, key: shapes[0].renamed(names)}
        for operation in reversed(operations):
            shapes.append(self.query(operation.expression, parent, ctes))
            self._outer_modifiers(operation, shapes[0], parent, ctes)
        return united(shapes)

    def _outer_modifiers(self, node: exp.Expr, first: Shape, parent: Block | None, ctes: Ctes) -> None:
        """ORDER BY and LIMIT after parentheses or a set operation see the output of the first branch."""
        args = node.args
        if not any(args.get(name) for name in ("order", "limit", "offset")):
            return
        block = Block(parent, ctes)
        block.sources.append(DerivedSource("", first, is_aliased=False))
        if args.get("order"):
            self._ordered(args["order"], block, ORDER_BY, first)
        for name in ("limit", "offset"):
            if args.get(name):
                self.read(args[name], block, None)

    def _select(self, node: exp.Expr, parent: Block | None, ctes: Ctes) -> Shape:
        args = node.args
        block = Block(parent, self.with_ctes(node, parent, ctes))
        self.read_from(args, block)
        into = args.get("into")
        if into:
            self.creates(into.this)
        distinct = args.get("distinct")
        if distinct and distinct.args.get("on"):
            self.read(distinct.args["on"], block, SELECT)
        shape = self._projections(args["expressions"], block)
        for name, clause in _CLAUSES.items():
            value = args.get(name)
            if value:
                for item in value if type(value) is list else (value,):
                    self.read(item, block, clause)
        group = args.get("group")
        if group:
            self._ordered(group, block, GROUP_BY, shape)
            if group.args.get("all"):
                self._group_by_all(group, args["expressions"], shape)
        for name in _ORDERS:
            if args.get(name):
                self._ordered(args[name], block, ORDER_BY, shape)
        return shape

    def read_from(self, args: dict, block: Block) -> None:
        """Reads FROM, joins and laterals; join conditions once all sources are known."""
        start = args.get("from_")
        conditions: list[exp.Expr] = []
        if start:
            sources = start if type(start) is list else (start,)
            for source in sources:
                self.read_source(source.this if type(source) is exp.From else source, block, conditions)
        for join in args.get("joins") or ():
            self.read_join(join, block, conditions)
        for lateral in args.get("laterals") or ():
            self.read_source(lateral, block, conditions)
        for join in conditions:
            self._join_condition(join, block)

    def read_join(self, join: exp.Expr, block: Block, conditions: list[exp.Expr]) -> None:
        self.read_source(join.this, block, conditions)
        if join.args.get("on") or join.args.get("using"):
            conditions.append(join)
        # FROM a JOIN b JOIN c ON … ON …
        for inner in join.args.get("joins") or ():
            self.read_join(inner, block, conditions)

    def _join_condition(self, join: exp.Expr, block: Block) -> None:
        on = join.args.get("on")
        if on:
            self.read(on, block, JOIN)
        for column in join.args.get("using") or ():
            identifier = column.this if isinstance(column, exp.Column) else column
            if not isinstance(identifier, exp.Identifier):
                continue
            name = self.names.column(identifier)
            key = name.lower()
            behind = [source.find_written(key) for source in block.sources]
            found = merged(names for names in behind if names)
            if any(source.is_stored for source in block.sources):
                found = merged([(name,), found])
            elif not found and any(source.is_open for source in block.sources):
                found = (name,)
            self.found.add_columns(self.position(identifier), JOIN, found)

    def _projections(self, projections: Sequence[exp.Expr], block: Block) -> Shape:
        shape = Shape()
        for projection in projections:
            kind = type(projection)
            if kind is exp.Star or (kind is exp.Column and type(projection.this) is exp.Star):
                self._star(projection, block, shape)
                continue
            name: str | None
            if kind is exp.Alias:
                name = projection.args["alias"].name.lower()
                behind = self.read(projection.this, block, SELECT)
            elif kind is exp.Aliases:
                behind = self.read(projection.this, block, SELECT)
                for alias in projection.expressions:
                    self._output(shape, block, alias.name.lower(), behind)
                continue
            else:
                behind = self.read(projection, block, SELECT)
                name = projection.output_name.lower() or None
                if kind is exp.Column:
                    # Reading its own name gives the same result.
                    shape.names.append(name)
                    shape.columns.append(behind)
                    continue
            self._output(shape, block, name, behind)
        return shape

    def _output(self, shape: Shape, block: Block, name: str | None, behind: Behind) -> None:
        shape.names.append(name)
        shape.columns.append(behind)
        if name:
            block.aliases.setdefault(name, behind)

    def _star(self, projection: exp.Expr, block: Block, shape: Shape) -> None:
        star = projection if type(projection) is exp.Star else projection.this
        if type(projection) is exp.Star:
            shape.open.extend(block.sources)
        else:
            source = block.source(projection.table.lower())
            if source:
                shape.open.append(source)
        for replacement in star.args.get("replace") or ():
            behind = self.read(replacement, block, SELECT)
            self._output(shape, block, replacement.alias_or_name.lower() or None, behind)
        for renaming in star.args.get("rename") or ():
            if isinstance(renaming, exp.Alias) and isinstance(renaming.this, exp.Column):
                shape.names.append(renaming.alias.lower())
                shape.columns.append(self.behind(renaming.this, block, None))

    def _ordered(self, node: exp.Expr, block: Block, clause: str, shape: Shape) -> None:
        """GROUP BY or ORDER BY: a number is the output at that position."""
        pending = [item for value in node.args.values() if type(value) is list for item in value]
        if not pending:
            self.read(node, block, clause)
            return
        pending.reverse()
        while pending:
            item = pending.pop()
            target = item.this if type(item) is exp.Ordered else item
            while type(target) is exp.Paren:
                target = target.this
            kind = type(target)
            if kind is exp.Literal and not target.is_string:
                text = target.name
                if text.isdecimal() and len(text) < 6:
                    self.found.add_columns(self.last_position, clause, shape.at(int(text)))
            elif kind in (exp.Tuple, exp.Cube, exp.Rollup, exp.GroupingSets):
                pending.extend(reversed(target.expressions))
            elif kind is exp.Column and target.name.lower() == "all" and not target.table and clause == ORDER_BY:
                self.found.add_columns(self.position(target.this), clause, shape.everything())
            elif isinstance(target, exp.Expr):
                self.read(target, block, clause)

    def _group_by_all(self, group: exp.Expr, projections: Sequence[exp.Expr], shape: Shape) -> None:
        if shape.open or len(projections) != len(shape.columns):
            return
        for projection, behind in zip(projections, shape.columns, strict=True):
            if not projection.find(exp.AggFunc):
                self.found.add_columns(self.last_position, GROUP_BY, behind)

    _anchored: tuple[exp.Expr, str, list[str]] | None = None

    #: Reads one entry of a FROM clause; see `FromReader`.
    read_source: Callable[..., None]
