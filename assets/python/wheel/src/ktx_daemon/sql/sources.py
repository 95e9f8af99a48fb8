"""The sources of a FROM clause, and the stored columns behind the names they output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: Names of stored columns without duplicates, in order of appearance.
Behind = tuple[str, ...]
NOTHING: Behind = ()


def merged(parts: Iterable[Sequence[str]]) -> Behind:
    """Merges lists of names without duplicates, in order."""
    return tuple(dict.fromkeys(name for part in parts for name in part))


class Shape:
    """The output of a query: its columns by position and name, and the sources that a `*` passes through."""

    __slots__ = ("_found", "_is_open", "columns", "names", "open")

    def __init__(
        self,
        names: Sequence[str | None] = (),
        columns: Sequence[Behind] = (),
        open_sources: Sequence[Source] = (),
    ) -> None:
        #: Lower-case names; None for an expression without a name.
        self.names = list(names)
        self.columns = list(columns)
        self.open = list(open_sources)
        # Nested shapes are queried repeatedly: without these caches a text with 60 nested `select * from c x, c y`
        # would take 2^60 steps.
        self._found: dict[str, Behind | None] | None = None
        self._is_open: bool | None = None

    @property
    def is_open(self) -> bool:
        """Whether a `*` may pass through names that the text does not mention."""
        if self._is_open is None:
            self._is_open = any(source.is_open for source in self.open)
        return self._is_open

    def find_written(self, key: str) -> Behind | None:
        """The columns behind a name written in the query; None if the query does not write it."""
        if self._found is None:
            self._found = {}
            for name, behind in zip(self.names, self.columns, strict=True):
                if name is not None:
                    self._found.setdefault(name, behind)
        if key not in self._found:
            passed = (source.find_written(key) for source in self.open)
            self._found[key] = next((behind for behind in passed if behind is not None), None)
        return self._found[key]

    def find(self, name: str) -> Behind | None:
        """The columns behind a name; a name that only a `*` can have passed on is a stored column itself."""
        written = self.find_written(name.lower())
        if written is not None:
            return written
        return (name,) if self.is_open else None

    def at(self, position: int) -> Behind:
        """The columns behind the output at a position, counted from 1."""
        is_known = 1 <= position <= len(self.columns) and not self.open
        return self.columns[position - 1] if is_known else NOTHING

    def everything(self) -> Behind:
        """The columns behind all outputs written in the query."""
        return self.columns[0] if len(self.columns) == 1 else merged(self.columns)

    def renamed(self, names: Sequence[str]) -> Shape:
        """The same with the first names replaced, as in `t(a, b)`."""
        if not names:
            return self
        if self.open:
            # Which columns the names stand for depends on what the `*` expands to.
            return Shape(names, [NOTHING] * len(names), self.open)
        return Shape([*names, *self.names[len(names) :]][: len(self.columns)], self.columns)


def united(shapes: Sequence[Shape]) -> Shape:
    """The output of a set operation: names of the first branch, columns of all branches by position."""
    first = shapes[0]
    if len(shapes) == 1:
        return first
    behind = [dict.fromkeys(columns) for columns in first.columns]
    for shape in shapes[1:]:
        for position, columns in enumerate(shape.columns[: len(behind)]):
            behind[position].update(dict.fromkeys(columns))
    opened = list(dict.fromkeys(source for shape in shapes for source in shape.open))
    return Shape(first.names, [tuple(columns) for columns in behind], opened)


class Source:
    """A source created in the text whose columns are not reported: a function, VALUES, a stage, a file."""

    __slots__ = ("is_aliased", "key", "schema")
    is_open = False
    #: Whether an unqualified name without another owner may belong to it.
    is_stored = False

    def __init__(self, key: str, *, is_aliased: bool = True, schema: str = "") -> None:
        self.key = key
        self.is_aliased = is_aliased
        #: Lower-case schema of a stored table, for references that include it.
        self.schema = schema

    def find_written(self, key: str) -> Behind | None:
        """The columns behind an unqualified name; None unless the source certainly has it."""
        return None

    def find(self, name: str) -> Behind:
        """The columns behind a name qualified with this source."""
        return NOTHING


class StoredSource(Source):
    """A table or view, assumed to have any column that is asked for."""

    __slots__ = ()
    is_open = True
    is_stored = True

    def find(self, name: str) -> Behind:
        return (name,)


class DerivedSource(Source):
    """A derived table, a common table expression, or a pseudo-table such as `excluded`."""

    __slots__ = ("shape",)

    def __init__(self, key: str, shape: Shape, *, is_aliased: bool = True) -> None:
        super().__init__(key, is_aliased=is_aliased)
        self.shape = shape

    @property
    def is_open(self) -> bool:  # type: ignore[override]
        return self.shape.is_open

    def find_written(self, key: str) -> Behind | None:
        return self.shape.find_written(key)

    def find(self, name: str) -> Behind:
        return self.shape.find(name) or NOTHING


class ProposedSource(DerivedSource):
    """Rows that a statement would add, such as `excluded`: only qualified names refer to them."""

    __slots__ = ()
    is_open = False  # type: ignore[assignment]

    def find_written(self, key: str) -> Behind | None:
        return None


class UnnestedSource(Source):
    """The elements of a column: any name counts as that column."""

    __slots__ = ("behind", "names")

    def __init__(self, key: str, behind: Behind, names: Iterable[str]) -> None:
        super().__init__(key)
        self.behind = behind
        self.names = frozenset(names)

    def find_written(self, key: str) -> Behind | None:
        return self.behind if key in self.names or key == self.key else None

    def find(self, name: str) -> Behind:
        return self.behind


class PivotedSource(Source):
    """PIVOT or UNPIVOT over another source: the new columns, and those of that source."""

    __slots__ = ("base", "made")

    def __init__(self, key: str, base: Source, made: dict[str, Behind]) -> None:
        super().__init__(key)
        self.base = base
        self.made = made

    @property
    def is_open(self) -> bool:  # type: ignore[override]
        return self.base.is_open

    @property
    def is_stored(self) -> bool:  # type: ignore[override]
        return self.base.is_stored

    def find_written(self, key: str) -> Behind | None:
        return self.made[key] if key in self.made else self.base.find_written(key)

    def find(self, name: str) -> Behind:
        found = self.made.get(name.lower())
        return self.base.find(name) if found is None else found


class Block:
    """One query block: its sources, its output names, and the enclosing block."""

    __slots__ = ("aliases", "ctes", "parent", "sources")

    def __init__(self, parent: Block | None, ctes: dict[str, Shape]) -> None:
        self.parent = parent
        #: Visible common table expressions.
        self.ctes = ctes
        self.sources: list[Source] = []
        #: Output names read so far, with the columns behind them.
        self.aliases: dict[str, Behind] = {}

    def source(self, key: str) -> Source | None:
        """The source with that name, here or in an enclosing block."""
        block: Block | None = self
        while block is not None:
            for source in block.sources:
                if source.key == key:
                    return source
            block = block.parent
        return None

    def find(self, name: str, *, has_rows: bool) -> Behind | None:
        """
        The columns behind an unqualified name. None if no source can have it.

        With `has_rows`, a source's alias stands for its whole row.
        """
        key = name.lower()
        block: Block | None = self
        while block is not None:
            is_open = False
            for source in block.sources:
                written = source.find_written(key)
                if written is not None:
                    return written
                is_open = is_open or source.is_open
            if has_rows and any(source.key == key and source.is_aliased for source in block.sources):
                return NOTHING
            if is_open:
                return (name,)
            block = block.parent
        return None
