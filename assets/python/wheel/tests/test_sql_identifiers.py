"""Parsing table names from a tool's configuration."""

from __future__ import annotations

import random

import pytest

from ktx_daemon.sql.identifiers import DIALECTS, parse_identifier


@pytest.mark.parametrize(
    ("dialect", "text", "parts", "canonical"),
    [
        ("postgres", "public.orders AS o", (None, "public", "orders"), "public.orders"),
        ("bigquery", "`p-1.d.t`", ("p-1", "d", "t"), "`p-1`.d.t"),
        ("bigquery", "p-1.d.t", ("p-1", "d", "t"), "`p-1`.d.t"),
        ("bigquery", "`p.d.t_*`", ("p", "d", "t_*"), "p.d.`t_*`"),
        ("tsql", "[a b].[dbo].[c d]", ("a b", "dbo", "c d"), "[a b].dbo.[c d]"),
        ("tsql", "db..t", ("db", None, "t"), "db..t"),
        ("tsql", "#tmp", (None, None, "#tmp"), "#tmp"),
        ("postgres", '"Public"."Orders"', (None, "Public", "Orders"), '"Public"."Orders"'),
        ("snowflake", '"Db".s.t', ("Db", "s", "t"), '"Db".s.t'),
        ("postgres", '"user"', (None, None, "user"), '"user"'),
        ("clickhouse", "db.t FINAL", (None, "db", "t"), "db.t"),
        (" MySQL ", "`a``b`.c -- comment", (None, "a`b", "c"), "`a``b`.c"),
    ],
)
def test_takes_names_apart(dialect: str, text: str, parts: tuple[str | None, ...], canonical: str) -> None:
    found = parse_identifier(text, dialect)
    assert (found["catalog"], found["schema"], found["name"]) == parts
    assert found["canonical_table"] == canonical
    assert (found["ok"], found["reason"], found["detail"]) == (True, None, None)


@pytest.mark.parametrize(
    ("dialect", "text", "reason"),
    [
        ("postgresql", "t", "unsupported_dialect"),
        ("postgres", "${orders.SQL_TABLE_NAME}", "looker_template_unresolved"),
        ("postgres", "@{schema}.t", "looker_template_unresolved"),
        ("postgres", "{{ ref('t') }}", "looker_template_unresolved"),
        ("postgres", " ", "no_physical_table"),
        ("postgres", "-- nothing", "no_physical_table"),
        ("postgres", "(select 1) x", "derived_table_not_supported"),
        ("postgres", "generate_series(1, 2) g", "derived_table_not_supported"),
        ("postgres", "values (1)", "derived_table_not_supported"),
        ("postgres", "a, b", "multiple_table_references"),
        ("postgres", "a join b on a.i = b.i", "multiple_table_references"),
        ("postgres", "a; drop table b", "no_physical_table"),
        ("postgres", "a union select 1 from b", "no_physical_table"),
        ("snowflake", "@stage/path", "no_physical_table"),
        ("tsql", "a.b.c.d", "parse_error"),
        ("postgres", "a b c", "parse_error"),
        ("postgres", 'a"', "parse_error"),
    ],
)
def test_says_why_it_is_no_name(dialect: str, text: str, reason: str) -> None:
    found = parse_identifier(text, dialect)
    assert (found["ok"], found["reason"]) == (False, reason)
    assert [found[part] for part in ("catalog", "schema", "name", "canonical_table")] == [None] * 4
    assert (found["detail"] is not None) == (reason in ("unsupported_dialect", "parse_error"))


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_the_canonical_name_is_read_as_the_same_one(dialect: str) -> None:
    opening, closing = {"tsql": "[]", "bigquery": "``", "mysql": "``"}.get(dialect, '""')
    chance = random.Random(3)
    words = ["order", "Select", "a b", "ünï", "x1", "1x", "MiXed", "UPPER", "t-1", "a$b", "_", "final", "user"]
    for _ in range(60):
        names = [chance.choice(words) for _ in range(chance.randint(1, 3))]
        text = ".".join(f"{opening}{name}{closing}" for name in names)
        first = parse_identifier(text, dialect)
        assert first["ok"], (text, first)
        again = parse_identifier(first["canonical_table"], dialect)
        parts = ("catalog", "schema", "name")
        assert [again[part] for part in parts] == [first[part] for part in parts], (text, first, again)
