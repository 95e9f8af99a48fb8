"""SQL analysis, independent of the process that does the work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from ktx_daemon.sql.dialects import resolve_dialect
from ktx_daemon.sql.pool import BATCH, INTERACTIVE, CatalogLines, WorkerPool
from ktx_daemon.sql.requests import AnalyzeBatchRequest, ParseTableIdentifierRequest, ValidateReadOnlyRequest

#: Texts per chunk: enough to make handing over cheap, few enough that the last worker does not run alone for long.
CHUNK_ITEMS = 50
CHUNK_CHARACTERS = 64 * 1024


class SqlService:
    """Answers the three requests about SQL. Every answer is a JSON document."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def analyze_batch(self, request: AnalyzeBatchRequest) -> bytes:
        """Tables and columns of each text, by its id. Raises UnknownDialectError."""
        dialect = resolve_dialect(request.dialect)
        texts = {item.id: item.sql for item in request.items}
        catalog = None
        if request.catalog and request.catalog.tables:
            entries = [[table.catalog, table.db, table.name] for table in request.catalog.tables]
            catalog = CatalogLines(json.dumps({"catalog": entries}).encode())
        answers = await self._run(
            "analyse",
            [(sql, dialect) for sql in texts.values()],
            _failed_analysis,
            catalog=catalog,
            most_workers=request.max_workers,
        )
        return _results(list(texts), answers)

    async def validate_read_only(self, request: ValidateReadOnlyRequest) -> bytes:
        """The verdict on one text. Raises UnknownDialectError."""
        items = [(request.sql, resolve_dialect(request.dialect))]
        (answer,) = await self._run("verdict", items, _failed_verdict)
        return answer

    async def parse_table_identifiers(self, request: ParseTableIdentifierRequest) -> bytes:
        """The parts of each name, by its key."""
        texts = {item.key: (item.sql_table_name, item.dialect) for item in request.items}
        return _results(list(texts), await self._run("identifier", list(texts.values()), _failed_identifier))

    async def _run(
        self,
        task: str,
        items: Sequence[Sequence[str]],
        failed: Callable[[str], bytes],
        *,
        catalog: CatalogLines | None = None,
        most_workers: int | None = None,
    ) -> list[bytes]:
        # Queue no more chunks than there are workers, so that batches take turns and an abandoned one is gone soon.
        turns = asyncio.Semaphore(min(most_workers or self._pool.size, self._pool.size))
        priority = INTERACTIVE if len(items) <= CHUNK_ITEMS else BATCH

        async def run(chunk: Sequence[Sequence[str]]) -> list[bytes]:
            async with turns:
                future: Future[list[bytes]] = self._pool.submit(priority, task, chunk, failed, catalog)
                return await asyncio.wrap_future(future)

        tasks = [asyncio.create_task(run(chunk)) for chunk in _chunks(items)]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for left in tasks:
                left.cancel()
        return [answer for chunk in answers for answer in chunk]


def _chunks(items: Sequence[Sequence[str]]) -> Iterator[Sequence[Sequence[str]]]:
    start = size = 0
    for index, item in enumerate(items):
        if index > start and (index - start >= CHUNK_ITEMS or size + len(item[0]) > CHUNK_CHARACTERS):
            yield items[start:index]
            start, size = index, 0
        size += len(item[0])
    if start < len(items):
        yield items[start:]


def _results(keys: Sequence[str], answers: Sequence[bytes]) -> bytes:
    pairs = (json.dumps(key).encode() + b":" + answer for key, answer in zip(keys, answers, strict=True))
    return b'{"results":{' + b",".join(pairs) + b"}}"


def _failed_analysis(message: str) -> bytes:
    return _json({"tables_touched": [], "columns_by_clause": {}, "error": message})


def _failed_verdict(message: str) -> bytes:
    return _json({"ok": False, "error": f"Invalid expression: {message}"})


def _failed_identifier(message: str) -> bytes:
    parts = dict.fromkeys(("catalog", "schema", "name", "canonical_table"))
    return _json({"ok": False, **parts, "reason": "parse_error", "detail": message})


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
