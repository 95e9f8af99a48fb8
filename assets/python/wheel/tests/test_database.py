"""`POST /database/introspect`: against a real server, and with injected rows."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Answer, Client, Serve
from postgres_server import (
    PASSWORD,
    READER,
    READER_PASSWORD,
    SUPERUSER,
    PostgresServer,
    find_postgres,
    postgres_server,
)

from ktx_daemon.compute import Compute
from ktx_daemon.database.connection_string import ConnectionStringError, find_secrets, read_connection_string
from ktx_daemon.database.service import DatabaseService

needs_postgres = pytest.mark.skipif(find_postgres() is None, reason="Postgres is not installed")

SCHEMA = f'''
create role {READER} login password '{READER_PASSWORD}';
create schema shop; create schema "Hidden";
create type shop.mood as enum ('good', 'bad');
create table shop.customers (id bigint generated always as identity primary key, email varchar(120) not null, gone int,
  mood shop.mood default 'good', score numeric(10, 2)[], created_at timestamptz(3));
alter table shop.customers drop column gone;
comment on table shop.customers is 'Who buys: "all" of them';
comment on column shop.customers.email is 'ünïque';
create table shop.orders (region text, number int, customer_id bigint references shop.customers (id),
  primary key (region, number));
create table shop.lines (id int, order_number int, order_region text,
  constraint "Line of order" foreign key (order_region, order_number) references shop.orders (region, number));
create table shop.events (at date not null, kind text) partition by range (at);
create table shop.events_2024 partition of shop.events for values from ('2024-01-01') to ('2025-01-01');
create table shop.empty ();
create table "Hidden"."Odd ""name""" ("A b" int);
create view shop.emails as select email from shop.customers;
create materialized view shop.counted as select count(*) from shop.customers;
grant usage on schema shop to {READER};
grant select on all tables in schema shop to {READER};
'''


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        server.execute(SCHEMA)
        yield server


@pytest.fixture
def client(serve: Serve) -> Client:
    client = serve()
    client.timeout = 60
    return client


def address(server: PostgresServer, user: str = SUPERUSER, password: str = PASSWORD, query: str = "") -> str:
    return f"postgresql://{user}:{quote(password, safe='')}@localhost:{server.port}/postgres{query}"


def introspect(client: Client, url: str, **fields: Any) -> Answer:
    body = {"connection_id": "warehouse", "url": url, "schemas": ["shop"], **fields}
    return client.post("/database/introspect", body)


def column(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "primary_key": False, "comment": None, **fields}


@needs_postgres
def test_reads_tables_columns_and_keys(server: PostgresServer, client: Client) -> None:
    answer = introspect(client, address(server), driver=" Postgres ")
    assert answer.status == 200, answer.body
    assert answer.body["connection_id"] == "warehouse"
    assert answer.body["extracted_at"].endswith("+00:00")
    assert answer.body["metadata"] == {"driver": "postgres", "schemas": ["shop"]}
    tables = {table["name"]: table for table in answer.body["tables"]}
    assert list(tables) == ["customers", "empty", "events", "events_2024", "lines", "orders"]
    assert tables["customers"] == {
        "catalog": "postgres",
        "db": "shop",
        "name": "customers",
        "comment": 'Who buys: "all" of them',
        "columns": [
            column("id", "bigint", nullable=False, primary_key=True),
            column("email", "character varying(120)", nullable=False, comment="ünïque"),
            column("mood", "shop.mood"),
            column("score", "numeric(10,2)[]"),
            column("created_at", "timestamp(3) with time zone"),
        ],
        "foreign_keys": [],
    }
    assert tables["empty"]["columns"] == []
    assert [key["primary_key"] for key in tables["orders"]["columns"]] == [True, True, False]
    key = {"constraint_name": "Line of order", "to_db": "shop", "to_table": "orders"}
    assert tables["lines"]["foreign_keys"] == [
        {"from_column": "order_region", "to_column": "region", **key},
        {"from_column": "order_number", "to_column": "number", **key},
    ]


@needs_postgres
def test_a_role_that_may_only_select_sees_the_keys(server: PostgresServer, client: Client) -> None:
    answer = introspect(client, address(server, READER, READER_PASSWORD))
    tables = {table["name"]: table for table in answer.body["tables"]}
    assert len(tables["lines"]["foreign_keys"]) == 2
    assert len(tables["orders"]["foreign_keys"]) == 1


@needs_postgres
@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ([], []),
        ([{"name": "lines"}], ["lines"]),
        ([{"catalog": None, "db": "shop", "name": "lines"}, {"db": "other", "name": "orders"}], ["lines"]),
        ([{"catalog": "postgres", "db": None, "name": "orders"}], ["orders"]),
        ([{"name": 'Odd "name"'}], ['Odd "name"']),
    ],
)
def test_reads_what_is_in_scope(
    server: PostgresServer, client: Client, scope: list[dict[str, Any]], names: list[str]
) -> None:
    answer = introspect(client, address(server), schemas=["shop", "Hidden"], table_scope=scope)
    assert [table["name"] for table in answer.body["tables"]] == names


@needs_postgres
@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_connects_with_every_sslmode(server: PostgresServer, client: Client, mode: str) -> None:
    root = f"&sslrootcert={quote(server.certificate)}" if mode.startswith("verify") else ""
    answer = introspect(client, address(server, query=f"?sslmode={mode}{root}"))
    assert answer.status == 200, answer.body


@needs_postgres
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_refuses_a_certificate_that_nobody_vouches_for(server: PostgresServer, client: Client, mode: str) -> None:
    answer = introspect(client, address(server, query=f"?sslmode={mode}"))
    assert answer.status == 500
    assert "certificate verify failed" in answer.body["detail"]


@needs_postgres
def test_takes_key_and_value_and_a_socket(server: PostgresServer, client: Client) -> None:
    quoted = PASSWORD.replace("'", "\\'")
    url = f"host={server.folder} port={server.port} user={SUPERUSER} password='{quoted}' dbname=postgres"
    assert introspect(client, url).status == 200


@needs_postgres
def test_tries_the_next_host(server: PostgresServer, client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    url = f"postgresql://{SUPERUSER}:{quote(PASSWORD, safe='')}@127.0.0.1:{closed},localhost:{server.port}/postgres"
    assert introspect(client, url).status == 200


@needs_postgres
@pytest.mark.parametrize(
    ("user", "password", "database", "said"),
    [
        (SUPERUSER, "wrong:secret", "postgres", "password authentication failed"),
        ("nobody", "wrong:secret", "postgres", "password authentication failed"),
        (SUPERUSER, PASSWORD, "missing", 'database "missing" does not exist'),
    ],
)
def test_says_why_without_the_password(
    server: PostgresServer, client: Client, capfd: pytest.CaptureFixture[str], user: str, password: str,
    database: str, said: str,
) -> None:  # fmt: skip
    url = f"postgresql://{user}:{quote(password, safe='')}@localhost:{server.port}/{database}"
    answer = introspect(client, url)
    assert answer.status == 500
    assert answer.body["detail"].startswith("Daemon request failed: ")
    assert said in answer.body["detail"]
    for secret in (password, quote(password, safe=""), url):
        assert secret not in json.dumps(answer.body, ensure_ascii=False) + "".join(capfd.readouterr())


@needs_postgres
def test_a_statement_that_takes_too_long_is_ended(server: PostgresServer, client: Client) -> None:
    server.execute("create schema slow; create table slow.t (); grant usage on schema slow to public;")
    lock = threading.Thread(
        target=server.execute,
        args=("begin; lock table pg_catalog.pg_constraint in access exclusive mode; select pg_sleep(4); rollback;",),
    )
    lock.start()
    try:
        details = []
        while lock.is_alive():
            answer = introspect(client, address(server), statement_timeout_ms=300)
            details.append(answer.body.get("detail", ""))
        assert any("statement timeout" in detail for detail in details)
    finally:
        lock.join()


def test_a_server_that_never_answers(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u:secret@127.0.0.1:{silent.getsockname()[1]}/d"
        answer = introspect(client, url, connection_timeout_seconds=1)
    assert answer.status == 500
    assert answer.body["detail"] == "Daemon request failed: the database server did not answer in time"


def test_a_port_that_nobody_listens_on(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    answer = introspect(client, f"postgresql://u:secret@127.0.0.1:{port}/d")
    assert answer.status == 500
    assert answer.body["detail"].startswith(f"Daemon request failed: connection to 127.0.0.1 port {port} failed: ")


@pytest.mark.parametrize("driver", ["postgresql", "mysql", ""])
def test_refuses_another_driver(client: Client, driver: str) -> None:
    answer = introspect(client, "postgresql://u:p@h/d", driver=driver)
    assert (answer.status, answer.body) == (400, {"detail": 'database introspection supports only driver "postgres"'})


@pytest.mark.parametrize(
    "body",
    [
        {"url": "postgresql://u:secret@h/d"},
        {"connection_id": "c", "url": {"secret": 1}},
        {"connection_id": "c", "url": "postgresql://u:secret@h/d", "schemas": []},
        {"connection_id": "c", "url": "postgresql://u:secret@h/d", "statement_timeout_ms": 0},
        {"connection_id": "c", "url": "postgresql://u:secret@h/d", "table_scope": [{"db": "secret"}]},
    ],
)
def test_a_wrong_shape_is_refused_without_repeating_it(client: Client, body: dict[str, Any]) -> None:
    answer = client.post("/database/introspect", body)
    assert answer.status == 422
    assert "secret" not in json.dumps(answer.body)
    if body.get("schemas") == []:
        assert answer.body["detail"][0]["msg"] == "database introspection requires at least one schema"


TABLE = {"catalog": "c", "db": "s", "name": "t", "comment": None}
COLUMN = {"catalog": "c", "db": "s", "table_name": "t", "name": "a", "type": "int"}
KEY = {"catalog": "c", "db": "s", "table_name": "t", "from_column": "a", "to_table": "u", "to_column": "b"}


def with_rows(serve: Serve, *rows: list[dict[str, Any]]) -> Client:
    return serve(compute=Compute(database=DatabaseService(lambda request: rows)))  # type: ignore[arg-type]


def test_maps_rows_and_drops_orphans(serve: Serve) -> None:
    client = with_rows(
        serve,
        [{**TABLE, "name": "z"}, TABLE, {**TABLE, "db": None}],
        [COLUMN, {**COLUMN, "name": "b", "nullable": False, "primary_key": True}, {**COLUMN, "table_name": "gone"}],
        [KEY, {**KEY, "table_name": "gone"}],
    )
    tables = introspect(client, "x").body["tables"]
    assert [(table["db"], table["name"]) for table in tables] == [(None, "t"), ("s", "t"), ("s", "z")]
    assert tables[1]["columns"] == [column("a", "int"), column("b", "int", nullable=False, primary_key=True)]
    assert tables[1]["foreign_keys"] == [
        {"from_column": "a", "to_table": "u", "to_column": "b", "constraint_name": None, "to_db": None}
    ]


@pytest.mark.parametrize(
    ("rows", "missing"),
    [
        (([{"db": "s"}], [], []), "name"),
        (([TABLE], [{**COLUMN, "type": None}], []), "type"),
        (([TABLE], [], [{**KEY, "to_table": 1}]), "to_table"),
    ],
)
def test_refuses_rows_that_are_not_complete(serve: Serve, rows: Any, missing: str) -> None:
    answer = introspect(with_rows(serve, *rows), "x")
    assert answer.status == 400
    assert answer.body == {"detail": f"database introspection row is missing string field {missing}"}


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://u:p%40ss@h/d", ["postgresql://u:p%40ss@h/d", "p%40ss", "p@ss"]),
        ("host=h user=u password='s3 cret'", ["s3 cret"]),
    ],
)
def test_masks_what_a_driver_quotes(serve: Serve, url: str, secrets: list[str]) -> None:
    def fail(_request: object) -> None:
        raise RuntimeError(f"cannot connect: {' or '.join(secrets)}")

    answer = introspect(serve(compute=Compute(database=DatabaseService(fail))), url)  # type: ignore[arg-type]
    assert answer.status == 500
    assert answer.body["detail"] == f"Daemon request failed: cannot connect: {' or '.join(['***'] * len(secrets))}"


def test_silent_databases_hold_up_neither_others_nor_a_stop(serve: Serve) -> None:
    silence = threading.Event()
    asked = threading.Semaphore(0)

    def wait(_request: object) -> None:
        asked.release()
        silence.wait()

    client = serve(compute=Compute(database=DatabaseService(wait)))  # type: ignore[arg-type]
    waiting = [threading.Thread(target=lambda: _ignore(lambda: introspect(client, "x"))) for _ in range(12)]
    for thread in waiting:
        thread.start()
    for _ in waiting:
        assert asked.acquire(timeout=60)
    assert client.post("/sql/validate-read-only", {"dialect": "nosuch", "sql": ""}).status == 400
    client.server.should_exit = True
    client.thread.join(60)
    assert not client.thread.is_alive()
    silence.set()


def _ignore(work: Callable[[], object]) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        work()


def test_the_command_says_the_same_without_the_prefix() -> None:
    url = "postgresql://u:secret@127.0.0.1:1/d"
    outcome = subprocess.run(
        [sys.executable, "-m", "ktx_daemon", "database-introspect"],
        input=json.dumps({"connection_id": "c", "url": url}).encode(),
        capture_output=True,
        timeout=60,
    )
    assert (outcome.returncode, outcome.stdout) == (1, b"")
    assert outcome.stderr.startswith(b"connection to 127.0.0.1 port 1 failed: ")
    assert b"secret" not in outcome.stderr


@pytest.mark.parametrize(
    ("text", "hosts", "user", "password", "database", "mode"),
    [
        ("postgres://u:p%40x@h/d", [("h", 5432)], "u", "p@x", "d", "prefer"),
        ("postgresql://u@[::1]:5433/", [("::1", 5433)], "u", None, "u", "prefer"),
        ("postgresql://a,b:1/d?user=u&sslmode=require", [("a", 5432), ("b", 1)], "u", None, "d", "require"),
        ("postgresql:///d?host=/run/pg&user=u", [("/run/pg", 5432)], "u", None, "d", "prefer"),
        ("host=h port=1 user='u x' password='a\\'b'", [("h", 1)], "u x", "a'b", "u x", "prefer"),
        ("", [("localhost", 5432)], "env", "env-password", "env", "prefer"),
    ],
)
def test_reads_connection_strings(
    text: str, hosts: list[tuple[str, int]], user: str, password: str | None, database: str, mode: str
) -> None:
    environ = {"PGUSER": "env", "PGPASSWORD": "env-password"} if not text else {}
    settings = read_connection_string(text, environ)
    assert settings.hosts == hosts
    assert (settings.user, settings.password) == (user, password)
    assert (settings.database, settings.ssl_mode) == (database, mode)
    assert password is None or password not in repr(settings)


@pytest.mark.parametrize(
    "text", ["mysql://u:secret@h", "secret", "postgresql://u:secret@h:x/d", "host=a,b port=1,2,3", "sslmode=secret"]
)
def test_refuses_other_connection_strings_without_repeating_them(text: str) -> None:
    with pytest.raises(ConnectionStringError) as caught:
        read_connection_string(text, {"PGUSER": "u"})
    assert "secret" not in str(caught.value)


def test_knows_what_is_secret() -> None:
    found = find_secrets("postgresql://u:p%40x@h/d")
    assert set(found) == {"postgresql://u:p%40x@h/d", "u:p%40x", "p%40x", "u:p@x", "p@x"}
    # Those of equal length are unordered: none is part of another.
    assert found == sorted(found, key=len, reverse=True)
    assert "s3cret" in find_secrets("host=h password=s3cret")
    assert "s3cret" in find_secrets("postgresql://h/d?password=s3cret")


def test_starting_the_daemon_loads_no_driver_and_no_parser() -> None:
    code = "import sys, ktx_daemon.app; print([name for name in ('pg8000', 'sqlglot') if name in sys.modules])"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert outcome.stdout.strip() == "[]"
