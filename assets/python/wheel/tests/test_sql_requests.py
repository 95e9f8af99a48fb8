"""The SQL endpoints over HTTP, with real worker processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Client, Serve

from ktx_daemon.compute import MAX_BODY_BYTES, Compute
from ktx_daemon.sql.launch import launch_worker
from ktx_daemon.sql.pool import INTERACTIVE, WorkerPool
from ktx_daemon.sql.worker import STACK_BYTES

JSON_TYPE = {"content-type": "application/json"}


@pytest.fixture
def pool() -> WorkerPool:
    return WorkerPool(2, idle_seconds=5)


@pytest.fixture
def sql(serve: Serve, pool: WorkerPool) -> Client:
    client = serve(compute=Compute(pool))
    client.timeout = 600
    return client


def analyse(sql: Client, items: list[tuple[str, str]], **fields: Any) -> dict[str, Any]:
    body = {"dialect": "postgres", "items": [{"id": key, "sql": text} for key, text in items], **fields}
    answer = sql.post("/sql/analyze-batch", body)
    assert answer.status == 200, answer.body
    return answer.body["results"]


def test_reads_each_text_on_its_own(sql: Client) -> None:
    results = analyse(
        sql,
        [
            ("first", "select a from t"),
            ("deep", "select " + "(" * 400 + "1" + ")" * 400),
            ("long", "select x from t where a = 1" + " or a = 1" * 20_000),
            ("broken", "select from where"),
            ("last", "select b from u"),
        ],
    )
    assert list(results) == ["first", "deep", "long", "broken", "last"]
    assert results["first"]["tables_touched"] == [{"catalog": None, "db": None, "name": "t"}]
    assert results["last"]["columns_by_clause"] == {"select": ["b"]}
    assert results["long"]["error"] is None
    assert "nested too deeply" in results["deep"]["error"]
    assert results["broken"] == {"tables_touched": [], "columns_by_clause": {}, "error": results["broken"]["error"]}
    assert results["broken"]["error"]


def test_takes_no_items_and_repeated_ids(sql: Client) -> None:
    assert analyse(sql, []) == {}
    results = analyse(sql, [("a", "select x from t"), ("b", ""), ("a", "select y from u")])
    assert list(results) == ["a", "b"]
    assert results["a"]["columns_by_clause"] == {"select": ["y"]}
    assert results["b"]["error"] == "SQL contains no statement"


def test_gives_back_ids_as_they_came(sql: Client) -> None:
    body = b'{"dialect":"postgres","items":[{"id":"\\ud83d","sql":"select \'\\ud83d\' from t"}]}'
    answer = sql.send("POST", "/sql/analyze-batch", body, {"content-type": "application/json"})
    assert list(answer.body["results"]) == ["\ud83d"]
    assert answer.body["results"]["\ud83d"]["error"] is None


@pytest.mark.parametrize("most_workers", [1, 2, 8, None])
def test_results_do_not_depend_on_the_number_of_workers(sql: Client, most_workers: int | None) -> None:
    items = [(str(number), f"select c{number} from t{number}") for number in range(300)]
    results = analyse(sql, items, max_workers=most_workers)
    assert [result["tables_touched"][0]["name"] for result in results.values()] == [f"t{n}" for n in range(300)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sql/analyze-batch", {"dialect": "postgres", "items": [], "max_workers": 0}),
        ("/sql/analyze-batch", {"dialect": "postgres", "items": [], "max_workers": 33}),
        ("/sql/analyze-batch", {"dialect": "postgres", "items": [{"id": "secret-text"}]}),
        ("/sql/analyze-batch", {"dialect": "postgres", "items": [{"id": "a", "sql": ["secret-text"]}]}),
        ("/sql/analyze-batch", ["secret-text"]),
        ("/sql/validate-read-only", {"sql": "secret-text"}),
        ("/sql/parse-table-identifier", {"items": [{"key": "a", "dialect": "secret-text"}]}),
    ],
)
def test_refuses_a_wrong_shape_without_repeating_it(sql: Client, path: str, body: Any) -> None:
    answer = sql.post(path, body)
    assert answer.status == 422
    assert all(set(problem) == {"type", "loc", "msg"} for problem in answer.body["detail"])
    assert "secret-text" not in json.dumps(answer.body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b'{"dialect": NaN, "items": []}', 422),
        (b"[" * 100_000, 422),
        (b'{"dialect": "\xff", "items": []}', 400),
    ],
)
def test_refuses_what_is_no_json(sql: Client, body: bytes, status: int) -> None:
    assert sql.send("POST", "/sql/analyze-batch", body, {"content-type": "application/json"}).status == status


def test_takes_json_only(sql: Client) -> None:
    answer = sql.send("POST", "/sql/validate-read-only", b'{"dialect":"","sql":""}', {"content-type": "text/plain"})
    assert answer.status == 415


def test_refuses_a_body_that_is_too_large_before_it_comes(sql: Client) -> None:
    head = b"POST /sql/analyze-batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    status, body = sql.send_raw(head + b"content-length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
    assert (status, json.loads(body)) == (413, {"detail": f"Request body is larger than {MAX_BODY_BYTES} bytes"})


def test_says_which_method_a_route_has(sql: Client) -> None:
    answer = sql.get("/sql/analyze-batch")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert sql.post("/sql/nosuch", {}).status == 404


def test_bounds_what_all_bodies_take(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    monkeypatch.setattr("ktx_daemon.compute_routes.MAX_WAITING_BYTES", 100_000)
    client = serve()
    head = b"POST /sql/validate-read-only HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", client.port), timeout=60) as first:
        first.sendall(head + b"content-length: 90000\r\n\r\n" + b" " * 80_000)
        # Until the first body is counted, the second is admitted.
        wait_until(lambda: client.send("POST", "/sql/validate-read-only", b" " * 50_000, JSON_TYPE).status == 429)
    wait_until(lambda: client.send("POST", "/sql/validate-read-only", b" " * 50_000, JSON_TYPE).status == 422)


@pytest.mark.parametrize("path", ["/sql/analyze-batch", "/sql/validate-read-only"])
def test_refuses_an_unknown_dialect(sql: Client, path: str) -> None:
    answer = sql.post(path, {"dialect": "nosuch", "items": [], "sql": ""})
    assert (answer.status, answer.body) == (400, {"detail": "Unknown SQL dialect: nosuch"})


@pytest.mark.parametrize("dialect", [" PostgreSQL ", "mssql", "sqlserver", "mariadb", "bigquery_standard_sql", ""])
def test_knows_other_names_of_dialects(sql: Client, dialect: str) -> None:
    answer = sql.post("/sql/validate-read-only", {"dialect": dialect, "sql": "select 1", "more": True})
    assert (answer.status, answer.body) == (200, {"ok": True, "error": None})


def test_a_text_that_takes_too_long_costs_its_own_result(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KTX_SQL_TIME_LIMIT_SECONDS", "1")
    client = serve(compute=Compute(WorkerPool(1, idle_seconds=2)))
    client.timeout = 600
    long_text = "select x from t where a = 1" + " or a = 1" * 200_000
    results = analyse(client, [("before", "select 1"), ("long", long_text), ("after", "select a from t")])
    assert results["long"]["error"] == "SQL analysis took longer than 1 s"
    assert (results["before"]["error"], results["after"]["error"]) == (None, None)


def test_a_worker_that_is_slow_and_at_work_does_not_hang(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KTX_SQL_TIME_LIMIT_SECONDS", "5")
    monkeypatch.setattr("ktx_daemon.sql.pool.HANG_SECONDS", 2.0)
    client = serve(compute=Compute(WorkerPool(1, idle_seconds=2)))
    client.timeout = 600
    results = analyse(client, [("long", "select x from t where a = 1" + " or a = 1" * 400_000)])
    assert results["long"]["error"] == "SQL analysis took longer than 5 s"


def test_a_worker_that_does_not_start_says_why(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmp_path.joinpath("queue.py").write_text("raise ValueError('size not valid: 7 bytes')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    client = serve(compute=Compute(WorkerPool(1, idle_seconds=2)))
    answer = client.post("/sql/analyze-batch", {"dialect": "", "items": [{"id": "a", "sql": "select 1"}]})
    assert answer.status == 500
    assert "does not start: exit code 1, ValueError: size not valid: 7 bytes" in answer.body["detail"]


def test_the_stack_of_a_worker_is_one_that_python_accepts_on_windows() -> None:
    # THREAD_MAX_STACKSIZE in CPython's thread_nt.h, which is refused itself.
    assert STACK_BYTES < 0x10000000


def test_a_lost_worker_costs_one_text(serve: Serve) -> None:
    sql = serve(compute=Compute(WorkerPool(1, idle_seconds=60)))
    sql.timeout = 600
    others = set(workers_of(os.getpid()))
    analyse(sql, [("warm", "select 1")])
    (pid,) = set(workers_of(os.getpid())) - others
    long_text = "select x from t where a = 1" + " or a = 1" * 100_000
    results: dict[str, Any] = {}
    request = threading.Thread(
        target=lambda: results.update(analyse(sql, [("long", long_text), ("after", "select 1")]))
    )
    request.start()
    wait_until(lambda: processor_ticks(pid) > 50)
    os.kill(pid, signal.SIGKILL)
    request.join(600)
    assert results["long"]["error"] == "SQL cannot be analysed: the process that analysed it ended"
    assert results["after"]["error"] is None


def test_workers_end_when_there_is_nothing_to_do(sql: Client) -> None:
    others = set(workers_of(os.getpid()))
    analyse(sql, [("a", "select 1")])
    (own,) = set(workers_of(os.getpid())) - others
    wait_until(lambda: own not in workers_of(os.getpid()))
    assert analyse(sql, [("a", "select 1")])["a"]["error"] is None


def test_answers_others_while_a_batch_runs(sql: Client) -> None:
    items = [(str(number), "select a, b, c from t join u on t.i = u.i where x = 1") for number in range(3000)]
    done = threading.Event()
    request = threading.Thread(target=lambda: (analyse(sql, items), done.set()))
    request.start()
    answered = 0
    while not done.is_set():
        assert sql.get("/health").status == 200
        assert sql.post("/sql/validate-read-only", {"dialect": "", "sql": "select 1"}).body["ok"]
        answered += not done.is_set()
    request.join(600)
    assert answered > 0


def test_says_what_belongs_to_another_package(sql: Client) -> None:
    answer = sql.post("/semantic-layer/query", {})
    assert answer.status == 501
    said = "/semantic-layer/query needs the semantic layer, which this ktx Python package"
    assert answer.body["detail"].startswith(said)
    statuses = [sql.post(path, {}).status for path in ("/semantic-layer/validate", "/semantic-layer/generate-sources")]
    assert [*statuses, sql.post("/lookml/parse", {}).status] == [501] * 3
    assert sql.post("/api/sql/analyze-for-fingerprint", {}).status == 404
    assert sql.post("/code/execute", {}).status == 404


def workers_of(pid: int) -> list[int]:
    """Running SQL workers among the children of a process."""
    found = []
    for name in os.listdir("/proc"):
        try:
            stat = stat_of(int(name))
            command = Path(f"/proc/{name}/cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if stat[0] != "Z" and int(stat[1]) == pid and b"ktx_daemon.sql.worker" in command:
            found.append(int(name))
    return found


def processor_ticks(pid: int) -> int:
    fields = stat_of(pid)
    return int(fields[11]) + int(fields[12])


def stat_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def wait_until(is_true: Any) -> None:
    while not is_true():
        time.sleep(0.05)


def test_a_pool_that_was_warmed_has_one_process_for_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    begin = subprocess.Popen

    def count(*arguments: Any, **options: Any) -> Any:
        process = begin(*arguments, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr("ktx_daemon.sql.launch.subprocess.Popen", count)
    pool = WorkerPool(2, idle_seconds=5)
    pool.warm(launch_worker())
    # Immediately, before the new process has reported that it is ready.
    future = pool.submit(INTERACTIVE, "verdict", [("select 1", "postgres")], str.encode)
    assert json.loads(future.result(timeout=300)[0]) == {"ok": True, "error": None}
    assert len(started) == 1


def test_the_parser_is_imported_without_what_only_other_dialects_need() -> None:
    script = (
        "import sys; from ktx_daemon.sql.worker import _load_tasks; _load_tasks()\n"
        "assert 'importlib.metadata' not in sys.modules\n"
        "from sqlglot import Dialect\n"
        "try: Dialect.get_or_raise('nobodys')\n"
        "except ValueError as error: print(error)\n"
        "assert 'importlib.metadata' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "nobodys" in done.stdout
