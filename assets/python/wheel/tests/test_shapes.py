"""What requests are taken, and what is said about the others."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest

from ktx_daemon.database.requests import read_introspect
from ktx_daemon.embeddings.requests import read_compute, read_compute_bulk
from ktx_daemon.json_input import read_input
from ktx_daemon.shapes import InvalidShapeError
from ktx_daemon.sql.requests import read_analyze_batch, read_parse_table_identifier, read_validate_read_only

ITEM = {"id": "1", "sql": "select 1"}
NAME = {"key": "k", "sql_table_name": "t", "dialect": "bigquery"}
BATCH = {"dialect": "postgres", "items": [ITEM]}
TABLE = {"catalog": "c", "db": None, "name": "t", "columns": ["a"]}
DATABASE = {"connection_id": "c", "url": "u"}


@pytest.mark.parametrize(
    ("read", "value", "changed"),
    [
        (read_analyze_batch, BATCH, {}),
        (read_analyze_batch, {**BATCH, "items": []}, {"items": []}),
        (read_analyze_batch, {**BATCH, "dialect": "\ud800"}, {"dialect": "\ud800"}),
        (read_analyze_batch, {**BATCH, "catalog": None, "max_workers": None, "unknown": 1}, {}),
        *((read_analyze_batch, {**BATCH, "max_workers": most}, {"max_workers": 3}) for most in (3, "3", " 3.0 ", 3.0)),
        (read_analyze_batch, {**BATCH, "max_workers": True}, {"max_workers": 1}),
        (read_analyze_batch, {**BATCH, "catalog": {}}, {"catalog": {"tables": ()}}),
        (
            read_analyze_batch,
            {**BATCH, "catalog": {"tables": [TABLE, {"name": ""}]}},
            {"catalog": {"tables": [{"catalog": "c", "db": None, "name": "t"}, {"catalog": None, "db": None, "name": ""}]}},
        ),
        (read_validate_read_only, {"dialect": "", "sql": "s"}, None),
        (read_parse_table_identifier, {"items": [NAME]}, None),
        (read_introspect, DATABASE, {}),
        (read_introspect, {**DATABASE, "schemas": ["a", "b"]}, {"schemas": ["a", "b"]}),
        (read_introspect, {**DATABASE, "statement_timeout_ms": "7"}, {"statement_timeout_ms": 7}),
        (
            read_introspect,
            {**DATABASE, "table_scope": [{"name": "t"}]},
            {"table_scope": [{"catalog": None, "db": None, "name": "t"}]},
        ),
        (read_compute, {"text": "half \ud83d"}, {"text": "half \ufffd"}),
        (read_compute_bulk, {"texts": ["", " "]}, None),
    ],
)
def test_takes_what_matches(read: Any, value: Any, changed: dict[str, Any] | None) -> None:
    base: dict[Any, dict[str, Any]] = {
        read_analyze_batch: {**BATCH, "catalog": None, "max_workers": None},
        read_introspect: {
            **DATABASE,
            "driver": "postgres",
            "schemas": ("public",),
            "statement_timeout_ms": 30_000,
            "connection_timeout_seconds": 5,
            "table_scope": None,
        },
        read_compute: {},
    }
    assert asdict(read(value)) == (value if changed is None else {**base[read], **changed})


OBJECT, LIST, STRING = "model_type", "list_type", "string_type"


@pytest.mark.parametrize(
    ("read", "value", "problems"),
    [
        *((read_analyze_batch, value, [(OBJECT, "")]) for value in (None, [], "text", 1)),
        (read_analyze_batch, {"items": {}}, [("missing", "dialect"), (LIST, "items")]),
        (read_analyze_batch, {**BATCH, "items": [None, ITEM, {}]}, [
            (OBJECT, "items.0"),
            ("missing", "items.2.id"),
            ("missing", "items.2.sql"),
        ]),
        *((read_analyze_batch, {**BATCH, "dialect": value}, [(STRING, "dialect")]) for value in (None, 1, [])),
        *((read_analyze_batch, {**BATCH, "max_workers": most}, [(kind, "max_workers")]) for most, kind in (
            (0, "greater_than_equal"),
            (33, "less_than_equal"),
            ("x", "int_parsing"),
            ("2.5", "int_parsing"),
            (2.5, "int_from_float"),
            (float("inf"), "finite_number"),
            ([], "int_type"),
        )),
        *((read_analyze_batch, {**BATCH, "catalog": value}, [(OBJECT, "catalog")]) for value in ([], "", 1)),
        (read_analyze_batch, {**BATCH, "catalog": {"tables": None}}, [(LIST, "catalog.tables")]),
        (read_analyze_batch, {**BATCH, "catalog": {"tables": [{**TABLE, "name": 1, "columns": [1]}]}}, [
            (STRING, "catalog.tables.0.name"),
            (STRING, "catalog.tables.0.columns.0"),
        ]),
        (read_parse_table_identifier, {"items": [{**NAME, "key": 1}]}, [(STRING, "items.0.key")]),
        (read_introspect, {"url": "x"}, [("missing", "connection_id")]),
        (read_introspect, {**DATABASE, "schemas": []}, [("too_short", "schemas")]),
        (read_introspect, {**DATABASE, "schemas": None}, [(LIST, "schemas")]),
        (read_introspect, {**DATABASE, "url": "\ud800"}, [("string_unicode", "url")]),
        (read_introspect, {**DATABASE, "connection_timeout_seconds": None}, [("int_type", "connection_timeout_seconds")]),
        (read_introspect, {**DATABASE, "table_scope": [{"db": "s"}]}, [("missing", "table_scope.0.name")]),
        (read_compute, {"text": ""}, [("string_too_short", "text")]),
        (read_compute_bulk, {"texts": ["a", 3]}, [(STRING, "texts.1")]),
        (read_compute_bulk, {"texts": []}, [("too_short", "texts")]),
        (read_compute_bulk, {"texts": ["a"] * 101}, [("too_long", "texts")]),
    ],
)  # fmt: skip
def test_says_all_that_is_wrong_and_where(read: Any, value: Any, problems: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidShapeError) as refused:
        read(value)
    assert [(kind, ".".join(map(str, place))) for kind, place, _ in refused.value.problems] == problems


def test_says_what_is_not_json() -> None:
    with pytest.raises(InvalidShapeError) as refused:
        read_input(b'{"dialect": NaN}', read_analyze_batch)
    assert refused.value.in_body()[0]["type"] == "json_invalid"


def test_the_sql_parser_is_imported_by_its_own_process_alone() -> None:
    script = (
        "import sys; from ktx_daemon.compute_command import run_compute_command\n"
        "code = run_compute_command('sql-analyze-batch', sys.stdin.buffer, sys.stdout, sys.stderr)\n"
        "sys.exit(code or ('sqlglot' in sys.modules) * 3)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=json.dumps(BATCH).encode(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["results"]["1"]["error"] is None
