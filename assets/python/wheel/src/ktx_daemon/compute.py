"""
The requests other than embeddings, as one table for both interfaces: HTTP routes and one-shot commands.

Importing this module imports neither sqlglot nor a database driver; they are loaded on first use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ktx_daemon.database.requests import read_introspect
from ktx_daemon.shapes import Reader
from ktx_daemon.sql.pool import WorkerPool
from ktx_daemon.sql.requests import read_analyze_batch, read_parse_table_identifier, read_validate_read_only
from ktx_daemon.sql.service import SqlService

if TYPE_CHECKING:
    from ktx_daemon.database.service import DatabaseService

#: Callers send an entire query history in one request.
MAX_BODY_BYTES = 128 * 1024 * 1024
#: Limit on the bodies of all requests together.
MAX_WAITING_BYTES = 256 * 1024 * 1024

Handler = Callable[..., Awaitable[bytes]]


@dataclass(frozen=True)
class Endpoint:
    """A kind of request: its path and command, how it is read, and a handler that returns a JSON document."""

    path: str
    command: str
    read: Reader[Any]
    handler: Callable[[Compute], Handler]


class Compute:
    """Handles the requests. Starts nothing before the first one."""

    def __init__(self, pool: WorkerPool | None = None, database: DatabaseService | None = None) -> None:
        self._pool = pool
        self._database = database

    @cached_property
    def database(self) -> DatabaseService:
        from ktx_daemon.database.service import DatabaseService

        return self._database or DatabaseService()

    @cached_property
    def sql(self) -> SqlService:
        return SqlService(self._pool or WorkerPool())


ENDPOINTS = (
    Endpoint(
        "/sql/analyze-batch",
        "sql-analyze-batch",
        read_analyze_batch,
        lambda compute: compute.sql.analyze_batch,
    ),
    Endpoint(
        "/sql/validate-read-only",
        "sql-validate-read-only",
        read_validate_read_only,
        lambda compute: compute.sql.validate_read_only,
    ),
    Endpoint(
        "/sql/parse-table-identifier",
        "sql-parse-table-identifier",
        read_parse_table_identifier,
        lambda compute: compute.sql.parse_table_identifiers,
    ),
    Endpoint(
        "/database/introspect",
        "database-introspect",
        read_introspect,
        lambda compute: compute.database.introspect,
    ),
)

_SEMANTIC_LAYER, _LOOKML = "the semantic layer", "the LookML parser"
#: Commands and routes that an embedder's own wheel provides.
ELSEWHERE_COMMANDS = {
    "semantic-query": _SEMANTIC_LAYER,
    "semantic-validate": _SEMANTIC_LAYER,
    "semantic-generate-sources": _SEMANTIC_LAYER,
    "lookml-parse": _LOOKML,
}
ELSEWHERE_ROUTES = {
    "/semantic-layer/query": _SEMANTIC_LAYER,
    "/semantic-layer/validate": _SEMANTIC_LAYER,
    "/semantic-layer/generate-sources": _SEMANTIC_LAYER,
    "/lookml/parse": _LOOKML,
}


def elsewhere(asked: str, part: str) -> str:
    """The error message for a command or route that this wheel does not have."""
    from importlib.metadata import version

    return f"{asked} needs {part}, which this ktx Python package (kaelio-ktx {version('kaelio-ktx')}) does not contain"
