"""Whether a text only reads. Fails closed: what is not understood is not read-only."""

from __future__ import annotations

from sqlglot import exp

from ktx_daemon.sql.parsing import MAX_ERROR_CHARACTERS, ParsedText, SqlTextError, parse_text
from ktx_daemon.sql.text import has_executable_comment

#: Functions that write, by lower-case name without schema.
WRITING_FUNCTIONS = {
    "nextval", "setval", "lo_import", "lo_export", "lo_unlink", "lo_create", "lo_put", "dblink_exec",
    "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "load_extension", "openquery",
}  # fmt: skip
WRITING_PREFIXES = ("system$cancel_", "system$abort_")
_LOCKING_HINTS = {"UPDLOCK", "XLOCK", "TABLOCKX"}
_SEQUENCE_COLUMN_DIALECTS = {"snowflake", "oracle", "exasol", "redshift", "databricks", ""}

_READING = (exp.Query, exp.Values)
#: Nodes, besides functions, that must not appear anywhere in a query.
_WRITING = (
    exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.Merge, exp.Alter, exp.Drop, exp.TruncateTable, exp.Copy,
    exp.Grant, exp.Revoke, exp.Set, exp.Use, exp.Pragma, exp.Analyze, exp.Transaction, exp.Commit, exp.Rollback,
    exp.Execute,
)  # fmt: skip
_KINDS = {"Commit": "Transaction", "Rollback": "Transaction"}


def find_write(sql: str, dialect: str) -> str | None:
    """Why the text is not read-only, as one line for the caller; None when it only reads."""
    try:
        parsed = parse_text(sql, dialect)
    except SqlTextError as error:
        return f"Invalid expression: {error}"[:MAX_ERROR_CHARACTERS]
    if not parsed.statements:
        return "SQL did not parse to a statement."
    if len(parsed.statements) > 1:
        return "Only one SQL statement can be executed."
    if has_executable_comment(sql, dialect):
        return "SQL contains an executable comment"
    kind = _writing_kind(parsed, dialect)
    return f"SQL contains read/write operation: {kind}" if kind else None


def _writing_kind(parsed: ParsedText, dialect: str) -> str | None:
    (statement,) = parsed.statements
    if parsed.has_explain:
        return "Command"
    if not isinstance(statement, _READING):
        return _kind(statement)
    stack = [statement]
    while stack:
        node = stack.pop()
        kind = _writes(node, dialect)
        if kind:
            return kind
        for value in reversed(node.args.values()):
            for item in reversed(value) if type(value) is list else (value,):
                if isinstance(item, exp.Expr):
                    stack.append(item)
    return None


def _kind(node: exp.Expr) -> str:
    name = type(node).__name__
    return _KINDS.get(name, name)


def _writes(node: exp.Expr, dialect: str) -> str | None:
    if isinstance(node, exp.Func):
        name = _function_name(node)
        if name in WRITING_FUNCTIONS or name.startswith(WRITING_PREFIXES):
            return name
        if isinstance(node, exp.NextValueFor):
            return "next value for"
        return None
    if isinstance(node, exp.Column):
        # sequence.NEXTVAL
        is_next = node.name.lower() == "nextval" and node.table and dialect in _SEQUENCE_COLUMN_DIALECTS
        return "nextval" if is_next else None
    if isinstance(node, exp.WithTableHint):
        has_lock = any(hint.name.upper() in _LOCKING_HINTS for hint in node.expressions)
        return "Lock" if has_lock else None
    # In places the parser classifies a query as DDL, but never as one of these.
    if isinstance(node, _WRITING) and not isinstance(node, _READING):
        return _kind(node)
    return None


def _function_name(node: exp.Func) -> str:
    if isinstance(node, (exp.Anonymous, exp.AnonymousAggFunc)):
        name = node.this
        return (name if isinstance(name, str) else name.name).lower()
    return node.sql_name().lower()
