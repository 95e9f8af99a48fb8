"""Introspection, independent of the driver that reads the catalogs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime

from ktx_daemon.database.connection_string import find_secrets
from ktx_daemon.database.requests import IntrospectRequest, IntrospectResponse, Metadata
from ktx_daemon.database.tables import Row, build_tables
from ktx_daemon.refusals import FailedError, RefusedError
from ktx_daemon.threads import in_daemon_thread

Catalogs = tuple[list[Row], list[Row], list[Row]]
DRIVER = "postgres"
#: How many databases are read concurrently.
MOST_READERS = 32


def _read_postgres(request: IntrospectRequest) -> Catalogs:
    from ktx_daemon.database.postgres import read_catalogs

    return read_catalogs(request)


class DatabaseService:
    """Reads databases. `read_catalogs` returns the rows of tables, columns and foreign keys."""

    def __init__(self, read_catalogs: Callable[[IntrospectRequest], Catalogs] = _read_postgres) -> None:
        self._read_catalogs = read_catalogs
        self._readers = asyncio.Semaphore(MOST_READERS)

    async def _read(self, request: IntrospectRequest) -> Catalogs:
        async with self._readers:
            return await in_daemon_thread(lambda: self._read_catalogs(request))

    async def introspect(self, request: IntrospectRequest) -> bytes:
        """
        The tables of a database as a JSON document.

        Raises RefusedError for an unsupported driver and for incomplete rows, FailedError when the database cannot be
        read; neither reveals the URL, its login or its password.
        """
        if request.driver.strip().lower() != DRIVER:
            raise RefusedError('database introspection supports only driver "postgres"')
        try:
            rows = await self._read(request)
        except Exception as error:
            raise FailedError(_masked(str(error) or type(error).__name__, request.url)) from None
        response = IntrospectResponse(
            connection_id=request.connection_id,
            extracted_at=datetime.now(UTC).isoformat(),
            metadata=Metadata(driver=DRIVER, schemas=request.schemas),
            tables=build_tables(*rows, request.table_scope),
        )
        # `vars`: an object for each answer, table and column, with its members in order.
        return json.dumps(response, default=vars, ensure_ascii=False, separators=(",", ":")).encode()


def _masked(message: str, url: str) -> str:
    for secret in find_secrets(url):
        message = message.replace(secret, "***")
    return message
