"""Scans SQL text before parsing: templates and executable comments outside literals and names."""

from __future__ import annotations

import re
from functools import cache

from sqlglot.dialects.dialect import Dialect

#: Dialects that execute the content of `/*! … */`.
EXECUTES_COMMENTS = {"mysql", "doris", "singlestore", "starrocks"}

_TEMPLATE = re.compile(r"\{[{%#]")


def find_template(sql: str, dialect: str) -> tuple[str, int] | None:
    """Delimiter and position of the first Jinja block outside literals, quoted names and comments."""
    if not _TEMPLATE.search(sql):
        return None
    for match in _pieces(dialect).finditer(sql):
        if match.lastgroup == "template":
            return match[0], match.start()
    return None


def has_executable_comment(sql: str, dialect: str) -> bool:
    """Whether a comment begins with `/*!` or `/*M!` and the dialect executes it."""
    if dialect not in EXECUTES_COMMENTS or "/*" not in sql:
        return False
    return any(
        match.lastgroup == "comment" and match[0].startswith(("/*!", "/*M!"))
        for match in _pieces(dialect).finditer(sql)
    )


def line_and_column(sql: str, position: int) -> tuple[int, int]:
    """Line and column, both counted from 1."""
    before = sql[:position]
    return before.count("\n") + 1, position - before.rfind("\n")


@cache
def _pieces(dialect: str) -> re.Pattern[str]:
    """Matches whole literals, names and comments, so that their content is skipped, and template delimiters."""
    tokenizer = Dialect.get_or_raise(dialect or None).tokenizer_class
    comments, quoted = [], []
    for start, end in tokenizer._COMMENTS.items():
        if start.startswith("{"):
            continue
        comments.append(rf"{re.escape(start)}(?:.*?{re.escape(end)}|.*)" if end else rf"{re.escape(start)}[^\n]*")
    for start, end in sorted(tokenizer._QUOTES.items(), key=lambda item: -len(item[0])):
        if start != "$":
            quoted.append(_quoted(start, end, "\\" in tokenizer._STRING_ESCAPES))
    for start, end in tokenizer._IDENTIFIERS.items():
        quoted.append(_quoted(start, end, "\\" in tokenizer._IDENTIFIER_ESCAPES))
    if tokenizer.HEREDOC_STRINGS or "$$" in tokenizer._QUOTES or "$" in tokenizer._QUOTES:
        quoted.insert(0, r"(?P<tag>\$[A-Za-z_0-9]*\$).*?(?P=tag)")
    template = _TEMPLATE.pattern
    return re.compile(
        rf"(?P<comment>{'|'.join(comments)})|(?P<quoted>{'|'.join(quoted)})|(?P<template>{template})", re.DOTALL
    )


def _quoted(start: str, end: str, has_backslash: bool) -> str:
    last = re.escape(end)
    if len(end) > 1:
        return rf"{re.escape(start)}.*?{last}"
    inside = rf"[^{last}\\]|\\.|{last}{last}" if has_backslash else rf"[^{last}]|{last}{last}"
    return rf"{re.escape(start)}(?:{inside})*+{last}"
