"""Parses a table name from a tool's configuration."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from ktx_daemon.sql.names import names_of
from ktx_daemon.sql.parsing import SqlTextError, parse_text

DIALECTS = {"bigquery", "snowflake", "postgres", "redshift", "mysql", "sqlite", "tsql", "clickhouse"}

_TEMPLATES = ("${", "@{", "{{", "{%")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEMPORARY = re.compile(r"##?[A-Za-z_][A-Za-z0-9_]*")
#: Words that a database does not read as a name unless they are quoted.
_RESERVED = frozenset(
    """
    all analyse analyze and any array as asc authorization between both by case cast check collate column
    constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user database default delete desc describe distinct drop else end except exists
    false fetch for foreign from full grant group having in index inner insert intersect interval into is join
    key left like limit localtime localtimestamp merge natural not null offset on only or order outer over
    partition pivot primary qualify range references right row rows select session_user set some system_user
    table tablesample then to top trailing true union unique unnest update user using values view when where
    window with
    """.split()  # noqa: SIM905
)
#: Arguments of SELECT that a name may produce when it is parsed as `SELECT * FROM <name>`.
_ALLOWED = {"expressions", "from_", "kind", "sample"}


def parse_identifier(text: str, dialect: str) -> dict[str, Any]:
    """The parts of a table name, or the reason why it is not one; never raises."""
    name = dialect.strip().lower()
    if name not in DIALECTS:
        detail = f"Unsupported sqlglot dialect for table identifier parsing: {dialect}"
        return _refused("unsupported_dialect", detail)
    if any(mark in text for mark in _TEMPLATES):
        return _refused("looker_template_unresolved")
    if not text.strip():
        return _refused("no_physical_table")
    if re.match(r"[\s(]*(select|with|values|lateral)\b", text, re.IGNORECASE):
        return _refused("derived_table_not_supported")
    try:
        return _parse(text, name)
    except SqlTextError as error:
        # In the parsed text, the name is on the second line.
        detail = re.sub(r"line (\d+)", lambda match: f"line {max(int(match[1]) - 1, 1)}", str(error))
        return _refused("parse_error", detail)
    except Exception as error:
        return _refused("parse_error", f"SQL cannot be analysed: its structure is not known ({type(error).__name__})")


def _refused(reason: str, detail: str | None = None) -> dict[str, Any]:
    parts = dict.fromkeys(("catalog", "schema", "name", "canonical_table"))
    return {"ok": False, **parts, "reason": reason, "detail": detail}


def _parse(text: str, dialect: str) -> dict[str, Any]:
    if text.lstrip().startswith(("--", "/*", "#", "//")) and not _has_statement(text, dialect):
        return _refused("no_physical_table")
    statements = parse_text(f"SELECT * FROM\n{text}\n", dialect).statements
    if len(statements) != 1 or isinstance(statements[0], exp.SetOperation):
        return _refused("no_physical_table")
    (query,) = statements
    start = query.args.get("from_") if isinstance(query, exp.Select) else None
    if start is None:
        return _refused("no_physical_table")
    table = start.this
    if query.args.get("joins") or query.args.get("laterals") or table.args.get("joins"):
        return _refused("multiple_table_references")
    if isinstance(table, exp.Final):
        table = table.this
    if not isinstance(table, exp.Table) or isinstance(table.this, exp.Func) or table.args.get("pivots"):
        return _refused("derived_table_not_supported")
    left = {key for key, value in query.args.items() if value} - _ALLOWED
    if left:
        return _refused("parse_error", "There is more than a table's name")
    parts = _parts(table)
    if parts is None:
        return _refused("no_physical_table")
    if len(parts) > 3:
        return _refused("parse_error", "The name has more than three parts")
    texts = [None if part is None else _name(part) for part in parts]
    catalog, schema, name = [None] * (3 - len(texts)) + texts
    canonical = ".".join("" if part is None else _canonical(part, dialect) for part in parts)
    return {
        "ok": True,
        "catalog": catalog,
        "schema": schema,
        "name": name,
        "canonical_table": canonical,
        "reason": None,
        "detail": None,
    }


def _has_statement(text: str, dialect: str) -> bool:
    try:
        return bool(parse_text(text, dialect).statements)
    except SqlTextError:
        return True


def _parts(table: exp.Expr) -> list[exp.Expr | None] | None:
    """Identifiers from the left, with None for a part omitted between dots. None for a stage or a variable."""
    args = table.args
    parts: list[exp.Expr | None] = []
    for key in ("catalog", "db"):
        part = args.get(key)
        if isinstance(part, exp.Identifier):
            parts.append(part)
        elif parts:
            parts.append(None)
    name = table.this
    while isinstance(name, exp.Dot):
        parts.append(name.this)
        name = name.expression
    parts.append(name)
    if not isinstance(name, exp.Identifier) or not name.name:
        return None
    return parts


def _name(part: exp.Expr) -> str:
    prefix = "##" if part.args.get("global_") else "#" if part.args.get("temporary") else ""
    return prefix + part.name


def _canonical(part: exp.Expr, dialect: str) -> str:
    """The part as the dialect would write it: unquoted if that is the same name, otherwise quoted."""
    name = _name(part)
    if name != part.name and _TEMPORARY.fullmatch(name):
        return name
    if dialect == "bigquery" and name.upper().startswith("INFORMATION_SCHEMA."):
        return name
    if _PLAIN.fullmatch(name) and not (part.args.get("quoted") and _needs_quotes(part, dialect)):
        return name
    return exp.to_identifier(name, quoted=True).sql(dialect)


def _needs_quotes(part: exp.Expr, dialect: str) -> bool:
    if part.name.lower() in _RESERVED:
        return True
    names = names_of(dialect)
    bare = exp.to_identifier(part.name, quoted=False)
    if names.table(part) != names.table(bare):
        return True
    # Keywords of the parser.
    try:
        (query,) = parse_text(f"SELECT * FROM {part.name}", dialect).statements
        table = query.args["from_"].this
    except (SqlTextError, ValueError, KeyError):
        return True
    return not (isinstance(table, exp.Table) and table.this == bare and not table.args.get("alias"))
