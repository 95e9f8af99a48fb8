"""
Reads the system catalogs of a Postgres server in one read-only transaction.

`information_schema` would show foreign keys only to roles with more privileges than SELECT.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ktx_daemon.database.connection_string import ConnectionSettings, read_connection_string
from ktx_daemon.database.requests import IntrospectRequest

APPLICATION_NAME = "ktx-daemon-database-introspection"
#: How long past the statement timeout a server may be silent before the connection counts as lost.
SILENCE_SECONDS = 10

_TABLES = """
select pg_catalog.current_database()::text as catalog, n.nspname::text as db, c.relname::text as name,
  pg_catalog.obj_description(c.oid, 'pg_class') as comment
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname = any(cast(:schemas as text[]))
"""
_COLUMNS = """
select pg_catalog.current_database()::text as catalog, n.nspname::text as db, c.relname::text as table_name,
  a.attname::text as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable,
  coalesce(a.attnum = any(k.conkey), false) as primary_key,
  pg_catalog.col_description(c.oid, a.attnum) as comment
from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where c.relkind in ('r', 'p') and n.nspname = any(cast(:schemas as text[]))
order by c.oid, a.attnum
"""
_FOREIGN_KEYS = """
select pg_catalog.current_database()::text as catalog, n.nspname::text as db, c.relname::text as table_name,
  a.attname::text as from_column, tn.nspname::text as to_db, t.relname::text as to_table, ta.attname::text as to_column,
  k.conname::text as constraint_name
from pg_catalog.pg_constraint k
  join pg_catalog.pg_class c on c.oid = k.conrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_class t on t.oid = k.confrelid
  join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
  cross join lateral unnest(k.conkey, k.confkey) with ordinality as pair(from_number, to_number, place)
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = pair.from_number
  join pg_catalog.pg_attribute ta on ta.attrelid = t.oid and ta.attnum = pair.to_number
where k.contype = 'f' and c.relkind in ('r', 'p') and n.nspname = any(cast(:schemas as text[]))
order by k.conname::text collate "C", pair.place
"""


class DatabaseRequestError(RuntimeError):
    """The database could not be read. The message may contain secrets from the request."""


def read_catalogs(request: IntrospectRequest) -> tuple[list[dict], list[dict], list[dict]]:
    """Rows of tables, columns and foreign keys. Raises DatabaseRequestError and ConnectionStringError."""
    try:
        from pg8000 import exceptions, native
    except ImportError:
        raise DatabaseRequestError("pg8000 is required for Postgres database introspection") from None
    settings = read_connection_string(request.url)
    try:
        with _connected(settings, request, native) as connection:
            connection.run("start transaction isolation level repeatable read, read only")
            timeout = str(request.statement_timeout_ms)
            connection.run("select pg_catalog.set_config('statement_timeout', :timeout, true)", timeout=timeout)
            # Tables and functions are qualified in these queries, so a hostile search path cannot replace them.
            rows = [_rows(connection, query, request.schemas) for query in (_TABLES, _COLUMNS, _FOREIGN_KEYS)]
            connection.run("rollback")
            return rows[0], rows[1], rows[2]
    except exceptions.DatabaseError as error:
        raise DatabaseRequestError(_server_message(error)) from None
    except TimeoutError:
        raise DatabaseRequestError("the database server did not answer in time") from None
    except (exceptions.Error, OSError) as error:
        raise DatabaseRequestError(str(error)) from None


def _rows(connection: Any, query: str, schemas: list[str]) -> list[dict]:
    rows = connection.run(query, schemas=schemas)
    names = [column["name"] for column in connection.columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


@contextmanager
def _connected(settings: ConnectionSettings, request: IntrospectRequest, native: Any) -> Iterator[Any]:
    connection = _connect(settings, request, native)
    try:
        yield connection
    finally:
        # A broken connection cannot be closed cleanly.
        try:
            connection.close()
        except Exception:
            connection._usock.close()


def _connect(settings: ConnectionSettings, request: IntrospectRequest, native: Any) -> Any:
    failures: list[Exception] = []
    for host, port in settings.hosts:
        try:
            link = _open(host, port, request.connection_timeout_seconds)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            failures.append(DatabaseRequestError(f"connection to {host} port {port} failed: {reason}"))
            continue
        try:
            connection = native.Connection(
                settings.user,
                host=host,
                port=port,
                database=settings.database,
                # Without a password, a server that requires one would report a wrong password.
                password=settings.password or "",
                sock=link,
                ssl_context=_ssl_context(settings, host),
                application_name=APPLICATION_NAME,
                startup_params={"options": settings.options} if settings.options else None,
            )
        except BaseException:
            link.close()
            raise
        connection._usock.settimeout(request.statement_timeout_ms / 1000 + SILENCE_SECONDS)
        return connection
    raise failures[-1]


def _open(host: str, port: int, timeout_seconds: float) -> socket.socket:
    if host.startswith("/"):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(timeout_seconds)
        link.connect(f"{host}/.s.PGSQL.{port}")
        return link
    link = socket.create_connection((host, port), timeout_seconds)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return link


def _ssl_context(settings: ConnectionSettings, host: str) -> ssl.SSLContext | bool | None:
    """The driver's equivalent of each `sslmode`: False for no TLS, None to try it, a context to require it."""
    mode = settings.ssl_mode
    if host.startswith("/") or mode in ("disable", "allow"):
        return False
    has_root = settings.ssl_root_certificate not in (None, "", "system")
    if mode == "prefer" and not settings.ssl_certificate:
        return None
    context = ssl.create_default_context(cafile=settings.ssl_root_certificate if has_root else None)
    # With a root certificate, `require` also verifies the chain, as libpq does.
    context.check_hostname = mode == "verify-full" or settings.ssl_root_certificate == "system"
    if not context.check_hostname and mode != "verify-ca" and not has_root:
        context.verify_mode = ssl.CERT_NONE
    if settings.ssl_certificate:
        context.load_cert_chain(settings.ssl_certificate, settings.ssl_key)
    return context


def _server_message(error: Exception) -> str:
    fields = error.args[0] if error.args else None
    if not isinstance(fields, dict):
        return str(error)
    parts = [fields.get(key, "") for key in ("M", "D", "H")]
    return re.sub(r"\s+", " ", ". ".join(part.rstrip(".") for part in parts if part))
