"""Parses SQL text into syntax trees, with readable errors."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokens import Token, TokenType

from ktx_daemon.sql.joins import parser_of
from ktx_daemon.sql.text import find_template, line_and_column

#: Maximum nesting of parentheses, brackets and CASE.
MAX_NESTING = 200
#: Maximum length of one text in characters. A longer one would exceed its time limit, so it is refused at once.
MAX_CHARACTERS = 8 * 1024 * 1024
MAX_ERROR_CHARACTERS = 300

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
#: Dialects with names such as U&"n\\0065xtval" (nextval), which the parser reads as `U & "…"`.
_HAS_UNICODE_NAMES = {"postgres", "materialize", "risingwave", "redshift", "presto", "trino", "athena", ""}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
#: Where the statement that EXPLAIN refers to begins; its options contain none of these words.
_EXPLAINED = re.compile(
    r"\(\s*(?:\(\s*)*(?:SELECT|WITH|VALUES)\b"
    r"|\b(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|REPLACE|CREATE|VALUES|TABLE|FROM|COPY|TRUNCATE|DROP|ALTER)\b",
    re.IGNORECASE,
)

# Its warnings quote the text.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL + 1)


class SqlTextError(ValueError):
    """The text cannot be analysed; the message is one line for the caller."""


@dataclass(frozen=True)
class ParsedText:
    """The statements of a text, without empty ones."""

    statements: list[exp.Expr]
    #: Whether one of them was preceded by EXPLAIN.
    has_explain: bool


def parse_text(sql: str, dialect: str) -> ParsedText:
    """Parses a text with any number of statements, including none. Raises SqlTextError for every error."""
    try:
        return _parse(sql, dialect)
    except SqlTextError:
        raise
    except RecursionError:
        raise SqlTextError(nested_too_deeply()) from None
    except MemoryError:
        raise SqlTextError("SQL cannot be analysed: there is not enough memory") from None
    except ParseError as error:
        raise SqlTextError(_describe(error)) from None
    except SqlglotError as error:
        raise SqlTextError(_describe_tokens(error, sql)) from None
    except Exception as error:
        # Messages of other errors expose internals of the parser.
        raise SqlTextError(f"SQL cannot be analysed: the parser failed ({type(error).__name__})") from None


def nested_too_deeply() -> str:
    """The error message for the nesting limit."""
    return f"SQL is nested too deeply (more than {MAX_NESTING} levels)"


def _parse(sql: str, dialect: str) -> ParsedText:
    if len(sql) > MAX_CHARACTERS:
        raise SqlTextError(f"SQL cannot be analysed: it has {len(sql)} characters, more than {MAX_CHARACTERS}")
    if sql.startswith("\ufeff"):
        # The mark that editors write at the start of a file. Positions stay.
        sql = " " + sql[1:]
    template = find_template(sql, dialect)
    if template:
        delimiter, position = template
        line, column = line_and_column(sql, position)
        place = f"{delimiter} at line {line}, column {column}"
        raise SqlTextError(f"SQL contains unrendered Jinja ({place}); analyse the compiled SQL")
    reader = _reader(dialect)
    tokens = reader.tokenize(sql)
    explained = _without_explain(sql, tokens)
    if explained is not None:
        sql = explained
        tokens = reader.tokenize(sql)
    _check_nesting(tokens)
    if dialect in _HAS_UNICODE_NAMES:
        _refuse_unicode_names(tokens, sql)
    statements = [
        statement
        for statement in parser_of(reader).parse(tokens, sql)
        if statement is not None and not isinstance(statement, exp.Semicolon)
    ]
    if any(isinstance(statement, (exp.Condition, exp.Alias)) for statement in statements):
        # The parser accepts any expression, so it takes `selec` for a column.
        raise SqlTextError("SQL cannot be analysed: it is an expression, not a statement")
    return ParsedText(statements, explained is not None)


@cache
def _reader(dialect: str) -> Dialect:
    return Dialect.get_or_raise(dialect or None)


def _check_nesting(tokens: list[Token]) -> None:
    depth = chained = 0
    before = None
    for token in tokens:
        kind = token.token_type
        # `a[1][1][1]` nests as well, and the parser walks the whole chain for each of its links.
        if kind is TokenType.L_BRACKET and before is TokenType.R_BRACKET:
            chained += 1
            if chained > MAX_NESTING:
                raise SqlTextError(nested_too_deeply())
        elif before is TokenType.R_BRACKET:
            chained = 0
        before = kind
        if kind in _OPENING:
            depth += 1
            if depth > MAX_NESTING:
                raise SqlTextError(nested_too_deeply())
        elif kind in _CLOSING and depth:
            depth -= 1


def _refuse_unicode_names(tokens: list[Token], sql: str) -> None:
    """Taken for an operator, such a name would hide which table is read and which function is called."""
    for first, second, name in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if second.token_type is not TokenType.AMP or name.token_type is not TokenType.IDENTIFIER:
            continue
        is_adjacent = first.end + 1 == second.start and second.end + 1 == name.start
        if is_adjacent and first.text.upper() == "U":
            line, column = line_and_column(sql, first.start)
            raise SqlTextError(
                f'SQL cannot be analysed: names with Unicode escapes (U&"…") are not supported (line {line}, '
                f"column {column})"
            )


def _without_explain(sql: str, tokens: list[Token]) -> str | None:
    """The text with each EXPLAIN and its options replaced by spaces, to keep positions; None when there is none."""
    is_first, cuts = True, []
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            is_first = True
            continue
        if is_first and token.text.upper() == "EXPLAIN":
            match = _EXPLAINED.search(sql, token.end + 1)
            if match and ";" not in sql[token.end + 1 : match.start()]:
                cuts.append((token.start, match.start()))
        is_first = False
    if not cuts:
        return None
    parts, end = [], 0
    for start, stop in cuts:
        parts += [sql[end:start], re.sub(r"[^\n]", " ", sql[start:stop])]
        end = stop
    return "".join([*parts, sql[end:]])


def _describe(error: ParseError) -> str:
    details = error.errors[0] if error.errors else {}
    description = one_line(str(details.get("description") or "the text is not valid"))
    if details.get("line") is None:
        return f"SQL cannot be analysed: {description}"[:MAX_ERROR_CHARACTERS]
    place = f" (line {details['line']}, column {details['col']})"
    return description[: MAX_ERROR_CHARACTERS - len(place)] + place


def _describe_tokens(error: SqlglotError, sql: str) -> str:
    # The error's own message is an excerpt of the text; its cause says what is missing, and from where.
    match = re.match(r"Missing (\S+) from \d+:(\d+)$", str(error.__cause__ or error))
    if not match:
        return "SQL cannot be analysed: it has a character or number that the dialect does not allow"
    line, column = line_and_column(sql, min(int(match[2]), len(sql)))
    return f"Missing {match[1]} (line {line}, column {column})"


def one_line(text: str) -> str:
    """A single line of plain text without terminal escapes, control characters or dumps of parser objects."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n")[0]
    text = re.sub(r"<class '[\w.]*?(\w+)'>", r"\1", text)
    text = re.sub(r"<?\bToken\b.*", "another word", text)
    return "".join(character if character.isprintable() else " " for character in text).strip()
