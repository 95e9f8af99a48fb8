"""Requests are judged alike by `requests`, which takes exact ones, and by `models`, which judges all others."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest
from pydantic import ValidationError

from ktx_daemon.json_input import Form, InvalidInputError, read_input
from ktx_daemon.sql import models
from ktx_daemon.sql.requests import take_analyze_batch, take_parse_table_identifier, take_validate_read_only

ITEM = {"id": "1", "sql": "select 1"}
NAME = {"key": "k", "sql_table_name": "t", "dialect": "bigquery"}
BATCH = {"dialect": "postgres", "items": [ITEM]}
TABLE = {"catalog": "c", "db": None, "name": "t", "columns": ["a"]}

BATCHES: list[Any] = [
    BATCH,
    {**BATCH, "items": []},
    {**BATCH, "unknown": 1},
    {**BATCH, "catalog": None, "max_workers": None},
    *({**BATCH, "max_workers": most} for most in (0, 1, 32, 33, "3", 2.0, 2.5, True, [])),
    *({**BATCH, "catalog": catalog} for catalog in ({}, [], "", {"tables": []}, {"tables": None}, {"tables": [TABLE]})),
    *(
        {**BATCH, "catalog": {"tables": [{**TABLE, **changed}]}}
        for changed in ({"name": None}, {"name": 1}, {"catalog": 1}, {"db": "d"}, {"columns": None}, {"columns": [1]})
    ),
    {**BATCH, "catalog": {"tables": [{"name": "t"}]}},
    *({**BATCH, "items": items} for items in (None, {}, [None], [{}], [{**ITEM, "sql": 1}], [ITEM, {"id": "2"}])),
    *({**BATCH, "dialect": dialect} for dialect in (None, 1, "", "\ud800")),
    {"items": []},
    None,
    [],
    "text",
]
TEXTS: list[Any] = [{"dialect": "", "sql": "s"}, {"dialect": "", "sql": None}, {"sql": "s"}, {"dialect": 1, "sql": "s"}, []]
NAMES: list[Any] = [{"items": [NAME]}, {"items": []}, {"items": [{**NAME, "key": 1}]}, {"items": NAME}, {}, 1]
CASES = [
    *(("AnalyzeBatchRequest", take_analyze_batch, value) for value in BATCHES),
    *(("ValidateReadOnlyRequest", take_validate_read_only, value) for value in TEXTS),
    *(("ParseTableIdentifierRequest", take_parse_table_identifier, value) for value in NAMES),
]


@pytest.mark.parametrize(("model", "take", "value"), CASES, ids=[json.dumps(value)[:70] for _, _, value in CASES])
def test_what_is_taken_is_what_the_model_takes(model: str, take: Any, value: Any) -> None:
    taken = take(value)
    try:
        judged = getattr(models, model).model_validate(value)
    except ValidationError:
        assert taken is None
        with pytest.raises(InvalidInputError):
            read_input(json.dumps(value).encode(), Form("ktx_daemon.sql.models", model, take))
        return
    if taken is not None:
        assert without_columns(judged.model_dump()) == asdict(taken)
    read_input(json.dumps(value).encode(), Form("ktx_daemon.sql.models", model, take))


def without_columns(value: Any) -> Any:
    """Columns of a catalog are accepted and not used."""
    if isinstance(value, dict):
        return {name: without_columns(part) for name, part in value.items() if name != "columns"}
    return [without_columns(part) for part in value] if isinstance(value, list) else value


def test_an_exact_request_is_answered_without_pydantic() -> None:
    script = (
        "import sys; from ktx_daemon.compute_command import run_compute_command\n"
        "code = run_compute_command('sql-analyze-batch', sys.stdin.buffer, sys.stdout, sys.stderr)\n"
        "sys.exit(code or ('pydantic' in sys.modules) * 3)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=json.dumps(BATCH).encode(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["results"]["1"]["error"] is None
