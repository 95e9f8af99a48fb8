"""What texts refer to, and whether they only read: the statements of data/sql-cases.jsonl, and siblings."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ktx_daemon.sql.analysis import analyse
from ktx_daemon.sql.catalog import Catalog
from ktx_daemon.sql.read_only import find_write
from ktx_daemon.sql.worker import RECURSION_LIMIT, STACK_BYTES

CASES = [json.loads(line) for line in Path(__file__).with_name("data").joinpath("sql-cases.jsonl").open()]


def deep(work: Callable[[], Any]) -> Any:
    """Runs something with the stack of a worker."""
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
