"""`POST /embeddings/compute`, `/embeddings/compute-bulk` and `/v1/embeddings`."""

from __future__ import annotations

import array
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ktx_daemon.embeddings import openai_form
from ktx_daemon.embeddings.bodies import Pace, read_document, texts_of
from ktx_daemon.embeddings.model_files import MODEL_IDENTITY
from ktx_daemon.embeddings.provider import (
    BusyError,
    EmbeddingsUnavailableError,
    EngineFailedError,
    StoppingError,
)
from ktx_daemon.embeddings.queue import EmbeddingQueue
from ktx_daemon.embeddings.service import InvalidTextsError, refuse_blank_texts
from ktx_daemon.embeddings.turns import Job
from ktx_daemon.web import Budget, Lease, ProblemError, Request, Send, send_json

#: Room for 100 texts of any sensible length; a larger body is a mistake or an attack.
MAX_BODY_BYTES = 16 * 1024 * 1024
#: Limit on the bodies, texts and answers of all requests together.
MAX_WAITING_BYTES = 48 * 1024 * 1024
MAX_TEXTS = 100
#: Size of a vector as JSON; kept for each text until the whole answer is complete.
_JSON_BYTES = 8400
#: `[CLS]` and `[SEP]`, always present.
_MARKS = 2

Encode = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Asked:
    """A parsed request: its texts, how vectors are encoded, and how the finished job becomes an answer."""

    texts: list[str]
    encode: Encode
    answer: Callable[[Job], list[bytes]]


class EmbeddingsApi:
    """The endpoints, sharing one queue and one memory budget."""

    def __init__(
        self,
        queue: EmbeddingQueue,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self._queue = queue
        self._budget = Budget(max_waiting_bytes)
        self._max_body_bytes = max_body_bytes
        self._pace = Pace()

    async def compute(self, request: Request, send: Send) -> None:
        """One text, one vector."""
        await self._serve(request, send, _read_one)

    async def compute_bulk(self, request: Request, send: Send) -> None:
        """1 to 100 texts, their vectors in the same order."""
        await self._serve(request, send, _read_bulk)

    async def openai(self, request: Request, send: Send) -> None:
        """OpenAI's format, including errors."""
        try:
            await self._serve(request, send, openai_form.read_request)
        except ProblemError as problem:
            await send_json(send, problem.status, openai_form.error_body(problem), problem.headers)

    async def _serve(self, request: Request, send: Send, read: Callable[[object], Asked]) -> None:
        lease = self._budget.lease()
        try:
            read_chunk = partial(request.read_chunk, self._max_body_bytes)
            document = await read_document(
                read_chunk, request.header("content-type"), partial(self._reserve, lease), self._pace
            )
            asked = read(document.value)
            texts = document.encode(asked.texts)
            del document
            asked.texts.clear()
            refuse_blank_texts(map(bytes.decode, texts))
            job = await self._compute(request, texts, asked.encode, lease)
            headers = [*self._identity(), *_without_tokens(job.token_counts)]
            await send_json(send, 200, asked.answer(job), headers)
        except InvalidTextsError as error:
            raise ProblemError(400, str(error)) from None
        finally:
            lease.release()

    async def _compute(self, request: Request, texts: Sequence[bytes], encode: Encode, lease: Lease) -> Job:
        self._reserve(lease, sum(map(len, texts)) + _JSON_BYTES * len(texts))
        try:
            return await request.unless_gone(self._queue.compute(texts, encode))
        except StoppingError as error:
            raise ProblemError(503, f"Daemon request failed: {error}", [("retry-after", "1")]) from None
        except (EmbeddingsUnavailableError, EngineFailedError) as error:
            raise ProblemError(500, f"Daemon request failed: {error}") from None

    def _reserve(self, lease: Lease, size_bytes: int) -> None:
        if lease.resize(size_bytes):
            return
        error = BusyError(self._queue.retry_after_seconds)
        raise ProblemError(429, str(error), [("retry-after", str(error.retry_after_seconds)), ("connection", "close")])

    def _identity(self) -> list[tuple[str, str]]:
        return [("ktx-model", MODEL_IDENTITY), ("ktx-engine", self._queue.engine_description)]


def _read_one(document: object) -> Asked:
    texts = texts_of(document, "text", 1)
    return Asked(texts, encode_json, lambda job: [b'{"embedding":', *job.vectors, b"}"])


def _read_bulk(document: object) -> Asked:
    texts = texts_of(document, "texts", MAX_TEXTS)
    return Asked(texts, encode_json, lambda job: [b'{"embeddings":[', *joined(job.vectors), b"]}"])


def encode_json(vector: bytes) -> bytes:
    """The numbers of a vector as a JSON list."""
    numbers = array.array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return json.dumps(numbers.tolist(), separators=(",", ":")).encode()


def joined(pieces: Sequence[bytes]) -> list[bytes]:
    """The pieces, separated by commas."""
    return [piece if index == 0 else b"," + piece for index, piece in enumerate(pieces)]


def _without_tokens(token_counts: Sequence[int]) -> list[tuple[str, str]]:
    """Names texts that contain nothing for the model (U+200B, a soft hyphen): they all have the same vector."""
    empty = [str(index) for index, count in enumerate(token_counts) if count <= _MARKS]
    return [("ktx-texts-without-tokens", ", ".join(empty))] if empty else []
