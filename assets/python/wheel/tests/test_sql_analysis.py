"""The references of texts, and whether they only read: the statements of data/sql-cases.jsonl, and similar ones."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlglot.dialects.dialect import Dialect

from ktx_daemon.sql.analysis import analyse
from ktx_daemon.sql.catalog import Catalog
from ktx_daemon.sql.joins import parser_of
from ktx_daemon.sql.parsing import nested_too_deeply
from ktx_daemon.sql.read_only import find_write
from ktx_daemon.sql.worker import RECURSION_LIMIT, STACK_BYTES

CASES = [json.loads(line) for line in Path(__file__).with_name("data").joinpath("sql-cases.jsonl").open()]


def deep(work: Callable[[], Any]) -> Any:
    """Runs a function with a worker's stack size."""
    results: list[Any] = []
    before = sys.getrecursionlimit()
    threading.stack_size(STACK_BYTES)
    try:
        sys.setrecursionlimit(RECURSION_LIMIT)
        thread = threading.Thread(target=lambda: results.append(work()))
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(before)
        threading.stack_size(0)
    return results[0]


def text_of(case: dict[str, Any]) -> str:
    return case.get("sql") or "".join(text * count for text, count in case["sqlRepeat"])


def names(result: dict[str, Any]) -> list[list[str | None]]:
    return [[table["catalog"], table["db"], table["name"]] for table in result["tables_touched"]]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_reads_the_statement(case: dict[str, Any]) -> None:
    catalog = Catalog(case["catalog"]) if "catalog" in case else None
    result = deep(lambda: analyse(text_of(case), case["dialect"], catalog))
    assert names(result) == case["tables"]
    assert {clause: sorted(columns) for clause, columns in result["columns_by_clause"].items()} == {
        clause: sorted(columns) for clause, columns in case["columns"].items()
    }
    wanted = case["error"]
    if wanted is None:
        assert result["error"] is None
    else:
        assert result["error"] == wanted.get("equals", result["error"])
        assert all(part in result["error"] for part in wanted.get("contains", []))
        assert not any(part in result["error"] for part in wanted.get("excludes", []))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_judges_the_statement(case: dict[str, Any]) -> None:
    problem = deep(lambda: find_write(text_of(case), case["dialect"]))
    assert (problem is None) == case["readOnly"]
    assert (problem or "").startswith(case["readOnlyError"] or "")


DIALECT_CASES = [json.loads(line) for line in Path(__file__).with_name("data").joinpath("sql-dialects.jsonl").open()]


@pytest.mark.parametrize("case", DIALECT_CASES, ids=[case["id"] for case in DIALECT_CASES])
def test_reads_what_is_special_to_a_dialect(case: dict[str, Any]) -> None:
    result = analyse(case["sql"], case["dialect"])
    assert (names(result), result["columns_by_clause"], result["error"]) == (
        case["tables"],
        case["columns"],
        case["error"],
    )


@pytest.mark.parametrize(
    ("sql", "dialect", "kind"),
    [
        ("select 1", "postgres", None),
        ("select 1; -- done", "postgres", None),
        ("; select 1; ;", "postgres", None),
        ("(select 1) union (select 2) order by 1", "postgres", None),
        ("select 1 intersect select 2", "postgres", None),
        ("values (1), (2)", "postgres", None),
        ("table t", "postgres", None),
        ("from t", "duckdb", None),
        ("with a as (select 1) select * from a", "tsql", None),
        ("select my_function(a) from t", "postgres", None),
        ("select a from t where b = 'delete from t'", "postgres", None),
        ("select * into u from t", "postgres", "Into"),
        ("with a as (select * into #u from t) select 1", "tsql", "Into"),
        ("select 1 from t for share", "postgres", "Lock"),
        ("select 1 from t lock in share mode", "mysql", "Lock"),
        ("select * from (select 1 from t for update) x", "postgres", "Lock"),
        ("select a from t with (updlock)", "tsql", "Lock"),
        ("with a as (insert into t values (1) returning *) select * from a", "postgres", "Insert"),
        ("with a as (update t set b = 1 returning *) select * from a", "postgres", "Update"),
        ("with a as (with b as (delete from t returning *) select * from b) select * from a", "postgres", "Delete"),
        ("create table t (a int)", "postgres", "Create"),
        ("alter table t add column a int", "postgres", "Alter"),
        ("drop table t", "postgres", "Drop"),
        ("truncate t", "postgres", "TruncateTable"),
        ("copy t from stdin", "postgres", "Copy"),
        ("grant select on t to u", "postgres", "Grant"),
        ("revoke select on t from u", "postgres", "Revoke"),
        ("use d", "mysql", "Use"),
        ("analyze t", "postgres", "Analyze"),
        ("begin", "postgres", "Transaction"),
        ("commit", "postgres", "Transaction"),
        ("rollback", "postgres", "Transaction"),
        ("call p()", "snowflake", "Command"),
        ("vacuum t", "postgres", "Command"),
        ("do $$ begin end $$", "postgres", "Command"),
        ("lock table t", "postgres", "Command"),
        ("explain select 1", "postgres", "Command"),
        ("select pg_catalog.SETVAL('s', 1)", "postgres", "setval"),
        ("select \"nextval\"('s')", "postgres", "nextval"),
        ("select s.nextval", "snowflake", "nextval"),
        ("select next value for s", "tsql", "next value for"),
        ("select * from dblink_exec('c', 'drop table t')", "postgres", "dblink_exec"),
        ("select a from t where pg_terminate_backend(b)", "postgres", "pg_terminate_backend"),
        ("select * from openquery(s, 'delete t')", "tsql", "openquery"),
        ("select load_extension('x')", "sqlite", "load_extension"),
        ("select system$cancel_query('x')", "snowflake", "system$cancel_query"),
    ],
)
def test_tells_reading_from_writing(sql: str, dialect: str, kind: str | None) -> None:
    wanted = None if kind is None else f"SQL contains read/write operation: {kind}"
    assert find_write(sql, dialect) == wanted


@pytest.mark.parametrize("dialect", ["postgres", "materialize", "redshift", "trino", ""])
def test_no_name_hides_behind_unicode_escapes(dialect: str) -> None:
    for sql in ["select U&\"n\\0065xtval\"('s')", "select 1 from u&\"t\\0061\""]:
        wanted = 'SQL cannot be analysed: names with Unicode escapes (U&"…") are not supported (line 1, column '
        assert (find_write(sql, dialect) or "").startswith(f"Invalid expression: {wanted}")
        assert analyse(sql, dialect)["error"].startswith(wanted)
    assert find_write("select U & \"b\", u&1, U&'\\0061' from t", dialect) is None


def test_the_mark_at_the_start_of_a_file_is_no_part_of_the_text() -> None:
    assert find_write("\ufeffselect 1", "postgres") is None
    assert names(analyse("\ufeffselect a from t", "snowflake")) == [[None, None, "T"]]


@pytest.mark.parametrize("dialect", ["mysql", "postgres", "clickhouse", "duckdb", "spark", ""])
@pytest.mark.parametrize("word", ["join", "left join", "cross join", "join (select 1 from t join t join t) x join"])
def test_joins_without_a_condition_are_read_once_each(word: str, dialect: str) -> None:
    # Read twice each, sixty would take longer than the world is old.
    for end in ["", " on true", " where a in (select 1 from t join t)"]:
        result = deep(lambda end=end: analyse(f"select * from t {f'{word} t ' * 60}{end}", dialect))
        assert (result["error"], names(result)) == (None, [[None, None, "t"]])


def test_joins_are_read_as_the_parser_of_the_dialect_reads_them() -> None:
    dialect = Dialect.get_or_raise("postgres")
    for tables in [
        "a join b join c on 1 = 1 on 2 = 2",
        "a join b join c on 1 = 1",
        "a join (b join c) join d on 1 = 1 join e",
        "a join b cross join lateral (select * from c join d on 1 = 1) x join e",
        "a, b join c join d using (x) left join (select * from e join f) g",
    ]:
        sql = f"select * from {tables}"
        tokens = dialect.tokenize(sql)
        assert parser_of(dialect).parse(tokens, sql) == dialect.parser().parse(tokens, sql)


def test_a_long_chain_of_subscripts_is_nested_too_deeply() -> None:
    assert analyse(f"select a{'[1]' * 100} from t", "postgres")["error"] is None
    assert analyse(f"select a{'[1]' * 3000} from t", "postgres")["error"] == nested_too_deeply()
    assert analyse(f"select {'a[1], ' * 300} 1 from t", "postgres")["error"] is None


def test_a_hundred_subqueries_around_a_write_are_refused() -> None:
    inside = "with a as (insert into t values (1) returning *) select * from a"
    problem = deep(lambda: find_write("select * from (" * 100 + inside + ") x" * 100, "postgres"))
    assert problem == "SQL contains read/write operation: Insert"


@pytest.mark.parametrize(
    "sql", ["select " + "(" * 100 + "a" + ")" * 100 + " from t", "select * from (" * 100 + "t" + ") x" * 100]
)
def test_a_hundred_levels_are_read(sql: str) -> None:
    result = deep(lambda: analyse(sql, "postgres"))
    assert (result["error"], names(result)) == (None, [[None, None, "t"]])


@pytest.mark.parametrize(
    ("sql", "entries", "found"),
    [
        ("select 1 from t", [["c", "s", "t"], ["c", "r", "t"]], [["c", "s", "t"], ["c", "r", "t"]]),
        ("select 1 from s.t", [["c", "s", "t"], ["c", "r", "t"]], [["c", "s", "t"]]),
        ("select 1 from T", [["C", "S", "T"]], [["C", "S", "T"]]),
        ('select 1 from "Accounts"', [["c", "s", "accounts"], ["c", "s", "Accounts"]], [["c", "s", "Accounts"]]),
        ("select 1 from gone", [["c", "s", "t"]], [[None, None, "gone"]]),
        ("select 1 from t", [], [[None, None, "t"]]),
        ("select 1 from t", [[None, None, "t"], ["c", "s", "t"]], [[None, None, "t"]]),
    ],
)
def test_completes_names_from_a_catalog(sql: str, entries: list[Any], found: list[Any]) -> None:
    assert names(analyse(sql, "postgres", Catalog(entries))) == found


def test_any_text_gives_a_result() -> None:
    texts = [case["sql"] for case in CASES if "sql" in case]
    chance = random.Random(7)
    for _ in range(500):
        text = chance.choice(texts)
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(text) + 1)
            end = start + chance.randint(0, 12)
            noise = chance.choice(["", text[start:end] * 2, chance.choice("()'\"[]{};,`$@#-/\\\x00é\ud83d")])
            text = text[:start] + noise + text[end:]
        result = analyse(text, chance.choice(CASES)["dialect"])
        error = result["error"] or ""
        assert len(error) <= 300
        assert not any(part in error for part in ("\x1b", "Token", "\n"))
        assert all(table["name"] for table in result["tables_touched"])
        json.dumps(result)
