"""Many clients of one engine, over real connections: turns, abandoned requests, refusals, stopping."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import WAIT_SECONDS, Client, FakeProvider, Serve, until

from ktx_daemon.embeddings.engine_process import Computed, EngineGoneError, advice
from ktx_daemon.embeddings.in_process import InProcessEngine
from ktx_daemon.embeddings.model_files import MODEL_IDENTITY
from ktx_daemon.embeddings.provider import DIMENSIONS, EmbeddingsUnavailableError, EngineFailedError
from ktx_daemon.embeddings.settings import read_settings

LONG = "word " * 400


class SteppedEngine(InProcessEngine):
    """Computes one batch each time it is allowed to, and records them."""

    def __init__(self) -> None:
        super().__init__(FakeProvider())
        self.batches: list[list[str]] = []
        self._may_compute = threading.Semaphore(0)
        self.is_computing = threading.Event()

    async def compute(self, texts: Sequence[bytes]) -> Computed:
        self.batches.append([text.decode() for text in texts])
        self.is_computing.set()
        await asyncio.to_thread(self._may_compute.acquire)
        return await super().compute(texts)

    def let(self, batches: int = 1) -> None:
        self._may_compute.release(batches)


@pytest.fixture
def engine() -> SteppedEngine:
    return SteppedEngine()


@pytest.fixture
def client(serve: Serve, engine: SteppedEngine) -> Any:
    async def start() -> SteppedEngine:
        return engine

    yield serve(start_engine=start, max_body_bytes=2**20)
    engine.let(10_000)


def waiting(client: Client) -> int:
    return len(list(client.queue._turns))


def test_a_question_does_not_wait_for_a_bulk(client: Client, engine: SteppedEngine) -> None:
    with ThreadPoolExecutor(2) as pool:
        bulk = pool.submit(client.post, "/embeddings/compute-bulk", {"texts": [LONG] * 50})
        assert engine.is_computing.wait(WAIT_SECONDS)
        question = pool.submit(client.post, "/embeddings/compute", {"text": "a question"})
        until(lambda: waiting(client) == 2)
        engine.let(2)
        assert question.result(WAIT_SECONDS).status == 200
        assert not bulk.done()
        engine.let(100)
        assert len(bulk.result(WAIT_SECONDS).body["embeddings"]) == 50


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/embeddings/compute-bulk", {"texts": [LONG] * 50}),
        ("/v1/embeddings", {"input": [LONG] * 50}),
    ],
)
def test_who_leaves_costs_one_batch(client: Client, engine: SteppedEngine, path: str, body: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    assert engine.is_computing.wait(WAIT_SECONDS)
    connection.close()
    until(lambda: waiting(client) == 0)
    engine.let(100)
    assert client.post("/embeddings/compute", {"text": "next"}).status == 200
    assert engine.batches == [[LONG], ["next"]]


def test_who_leaves_before_its_turn_costs_nothing(client: Client, engine: SteppedEngine) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/embeddings/compute", {"text": "first"})
        assert engine.is_computing.wait(WAIT_SECONDS)
        connections = [http.client.HTTPConnection("127.0.0.1", client.port) for _ in range(10)]
        for connection in connections:
            body = json.dumps({"texts": [LONG] * 10})
            connection.request("POST", "/embeddings/compute-bulk", body, {"content-type": "application/json"})
        until(lambda: waiting(client) == 10)
        for connection in connections:
            connection.close()
        until(lambda: waiting(client) == 0)
        engine.let(100)
        assert first.result(WAIT_SECONDS).status == 200
    assert engine.batches == [["first"]]


def test_what_does_not_fit_is_refused_with_a_time_to_come_back(serve: Serve, engine: SteppedEngine) -> None:
    async def start() -> SteppedEngine:
        return engine

    client = serve(start_engine=start, max_waiting_bytes=100_000)
    with ThreadPoolExecutor(30) as pool:
        answers = [pool.submit(client.post, "/embeddings/compute", {"text": f"text {n}"}) for n in range(30)]
        until(lambda: sum(answer.done() for answer in answers) >= 15)
        engine.let(1000)
        results = [answer.result(WAIT_SECONDS) for answer in answers]
    # Nothing accepted is lost.
    assert {answer.status for answer in results} == {200, 429}
    for answer in results:
        if answer.status == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert f"Try again in {answer.headers['retry-after']} s" in answer.body["detail"]
    assert client.post("/embeddings/compute", {"text": "after"}).status == 200


def test_stopping_finishes_what_was_accepted(client: Client, engine: SteppedEngine) -> None:
    with ThreadPoolExecutor(5) as pool:
        bulk = pool.submit(client.post, "/embeddings/compute-bulk", {"texts": [LONG] * 20})
        assert engine.is_computing.wait(WAIT_SECONDS)
        singles = [pool.submit(client.post, "/embeddings/compute", {"text": "a"}) for _ in range(3)]
        until(lambda: waiting(client) == 4)
        client.server.should_exit = True
        until(lambda: client.queue._is_stopping)
        engine.let(1000)
        assert [answer.result(WAIT_SECONDS).status for answer in [bulk, *singles]] == [200] * 4
    until(lambda: engine.ended)


def test_what_cannot_be_finished_in_time_is_refused(
    client: Client, engine: SteppedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ktx_daemon.server.DRAIN_SECONDS", 0.1)
    with ThreadPoolExecutor(2) as pool:
        bulk = pool.submit(client.post, "/embeddings/compute-bulk", {"texts": [LONG] * 20})
        assert engine.is_computing.wait(WAIT_SECONDS)
        client.server.should_exit = True
        answer = bulk.result(WAIT_SECONDS)
        engine.let(1000)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_health_says_why_the_engine_could_not_be_loaded_until_it_can(serve: Serve) -> None:
    failures = [EmbeddingsUnavailableError("tokenizer.json is damaged")]

    async def start() -> InProcessEngine:
        if failures:
            raise failures.pop()
        return InProcessEngine(FakeProvider())

    client = serve(start_engine=start, settings=read_settings({"KTX_EMBEDDINGS_MODEL_DIR": "/m"}))
    assert "problem" not in client.get("/health").body["embeddings"]
    assert client.post("/embeddings/compute", {"text": "a"}).status == 500
    about = client.get("/health").body["embeddings"]
    assert (about["state"], about["problem"]) == ("failed", "tokenizer.json is damaged")
    assert client.post("/embeddings/compute", {"text": "a"}).status == 200
    about = client.get("/health").body["embeddings"]
    assert about["state"] == "loaded"
    assert "problem" not in about


def test_the_engine_ends_when_it_is_idle_and_comes_back(serve: Serve) -> None:
    engines: list[InProcessEngine] = []

    async def start() -> InProcessEngine:
        engines.append(InProcessEngine(FakeProvider()))
        return engines[-1]

    client = serve(start_engine=start, idle_seconds=0.05, settings=read_settings({"KTX_EMBEDDINGS_MODEL_DIR": "/m"}))
    assert client.post("/embeddings/compute", {"text": "a"}).status == 200
    until(lambda: engines[0].ended)
    assert client.get("/health").body["embeddings"]["state"] == "unloaded"
    assert client.post("/embeddings/compute", {"text": "a"}).status == 200
    assert len(engines) == 2


class DyingEngine(InProcessEngine):
    """Exits at a text that tells it to."""

    async def compute(self, texts: Sequence[bytes]) -> Computed:
        if any(b"die" in text for text in texts):
            raise EngineGoneError(f"the embedding engine was ended by SIGBUS. {advice(-7)}")
        if any(b"fail" in text for text in texts):
            raise EngineFailedError("it failed")
        return await super().compute(texts)


def test_a_text_that_the_engine_dies_of_is_named_with_the_signal_and_hurts_nobody_else(serve: Serve) -> None:
    async def start() -> InProcessEngine:
        return DyingEngine(FakeProvider())

    client = serve(start_engine=start)
    with ThreadPoolExecutor(20) as pool:
        texts = ["die" if n == 7 else "fail" if n == 9 else f"text {n}" for n in range(20)]
        answers = list(pool.map(lambda text: client.post("/embeddings/compute", {"text": text}), texts))
    assert [n for n, answer in enumerate(answers) if answer.status != 200] == [7, 9]
    assert answers[7].body["detail"].startswith("Daemon request failed: the embedding engine was ended by SIGBUS. ")
    assert answers[9].body == {"detail": "Daemon request failed: it failed"}


def test_an_engine_that_ends_once_is_started_anew_and_nobody_notices(serve: Serve) -> None:
    starts = 0

    class Once(InProcessEngine):
        async def compute(self, texts: Sequence[bytes]) -> Computed:
            if starts == 1:
                raise EngineGoneError("a file of the embedding model was changed or replaced")
            return await super().compute(texts)

    async def start() -> InProcessEngine:
        nonlocal starts
        starts += 1
        return Once(FakeProvider())

    assert serve(start_engine=start).post("/embeddings/compute", {"text": "a"}).status == 200
    assert starts == 2


def test_who_waits_for_an_engine_that_cannot_load_is_told_at_once(serve: Serve) -> None:
    starts = 0
    together = threading.Barrier(10)

    async def start() -> InProcessEngine:
        nonlocal starts
        starts += 1
        await asyncio.sleep(0.5)
        raise EmbeddingsUnavailableError("tokenizer.json is damaged")

    client = serve(start_engine=start)

    def ask(_: int) -> str:
        together.wait(WAIT_SECONDS)
        return client.post("/embeddings/compute", {"text": LONG}).body["detail"]

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(ask, range(10))) == {"Daemon request failed: tokenizer.json is damaged"}
    assert starts < 5


def test_every_answer_names_what_computed_it(serve: Serve) -> None:
    answer = serve().post("/embeddings/compute", {"text": "a"})
    assert answer.headers["ktx-model"] == MODEL_IDENTITY
    assert answer.headers["ktx-engine"] == "custom"
    assert "ktx-texts-without-tokens" not in answer.headers


def test_texts_without_a_token_are_named(serve: Serve) -> None:
    # The fake counts words; for it, a text of U+200B has none, although Python does not consider it blank.
    class Wordless(InProcessEngine):
        async def compute(self, texts: Sequence[bytes]) -> Computed:
            computed = await super().compute(texts)
            counts = [2 if text == "\u200b".encode() else 3 for text in texts]
            return Computed(counts, computed.vectors)

    async def start() -> InProcessEngine:
        return Wordless(FakeProvider())

    answer = serve(start_engine=start).post("/embeddings/compute-bulk", {"texts": ["\u200b", "a", "\u200b"]})
    assert answer.headers["ktx-texts-without-tokens"] == "0, 2"


def test_keep_alive_is_announced_and_kept(serve: Serve) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", serve().port, timeout=WAIT_SECONDS)
    for _ in range(3):
        connection.request("GET", "/health")
        response = connection.getresponse()
        response.read()
        assert response.headers["keep-alive"] == "timeout=75"
        assert connection.sock is not None


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (b"POST /embeddings/compute HTTP/1.1\r\nhost: local", b"The head of the request"),
        (
            b"POST /embeddings/compute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b'content-length: 100\r\n\r\n{"text":',
            b"The body of the request",
        ),
    ],
)
def test_half_a_request_does_not_hold_a_connection(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, sent: bytes, what: bytes
) -> None:
    monkeypatch.setattr("ktx_daemon.server.HEAD_SECONDS", 0.3)
    monkeypatch.setattr("ktx_daemon.server.STANDSTILL_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", serve().port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(sent)
        answer = b""
        while data := connection.recv(1000):
            answer += data
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert what in answer


def test_a_slow_but_moving_body_is_read(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ktx_daemon.server.STANDSTILL_SECONDS", 1)
    body = json.dumps({"text": "a" * 10_000}).encode()
    with socket.create_connection(("127.0.0.1", serve().port), timeout=WAIT_SECONDS) as connection:
        head = "POST /embeddings/compute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        connection.sendall(head.encode() + b"content-length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 1100):
            connection.sendall(body[start : start + 1100])
            time.sleep(0.25)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_nobody_reads_does_not_stay(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ktx_daemon.server.STANDSTILL_SECONDS", 0.3)

    class WordyProvider(FakeProvider):
        def embed(self, texts: Sequence[str]) -> list[list[float]]:
            # 15 MB as JSON: more than the buffers of a socket hold.
            return [[0.1] * DIMENSIONS for _ in texts]

    client = serve(lambda: WordyProvider(max_batch_size=2048))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", client.port))
        body = json.dumps({"input": ["a"] * 2048}).encode()
        head = "POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        connection.sendall(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
        connection.recv(10)
        until(lambda: not client.server.server_state.connections)


def test_a_connection_too_many_is_refused_and_idle_ones_make_room(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ktx_daemon.server._connection_limit", lambda: 3)
    client = serve()
    idle = [http.client.HTTPConnection("127.0.0.1", client.port, timeout=WAIT_SECONDS) for _ in range(3)]
    for connection in idle:
        connection.request("GET", "/health")
        connection.getresponse().read()
    assert client.get("/health").status == 200

    busy = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(3)]
    for connection in busy:
        connection.sendall(b"POST /embeddings/compute HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n")
    until(lambda: len(client.server.server_state.tasks) >= 3)
    assert client.get("/health").status == 503
    for connection in busy:
        connection.close()
    until(lambda: len(client.server.server_state.connections) < 3)
    assert client.get("/health").status == 200


@pytest.mark.parametrize("given", ["a text", ["a text", "another"]])
@pytest.mark.parametrize("encoding", [None, "float", "base64"])
def test_answers_as_openai_does(serve: Serve, given: Any, encoding: str | None) -> None:
    body = {"input": given, "model": "text-embedding-3-small", **({"encoding_format": encoding} if encoding else {})}
    answer = serve().post("/v1/embeddings", body)
    assert answer.status == 200
    assert {**answer.body, "data": []} == {
        "object": "list",
        "data": [],
        "model": "all-MiniLM-L6-v2",
        "usage": {
            "prompt_tokens": answer.body["usage"]["prompt_tokens"],
            "total_tokens": 4 if given == "a text" else 7,
        },
    }
    for index, (item, text) in enumerate(
        zip(answer.body["data"], [given] if isinstance(given, str) else given, strict=True)
    ):
        vector = item["embedding"]
        if encoding == "base64":
            vector = list(struct.unpack(f"<{DIMENSIONS}f", base64.b64decode(vector)))
        assert (item["object"], item["index"], vector) == ("embedding", index, [float(len(text))] * DIMENSIONS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "input has to be a text or a list of texts"),
        ({"input": []}, "input has to be a text or a list of texts"),
        ({"input": [1, 2, 3]}, "input has token numbers, which belong to another model. Send texts"),
        ({"input": [[1, 2], [3]]}, "input has token numbers, which belong to another model. Send texts"),
        ({"input": ["a"] * 2049}, "input has 2049 texts. Send at most 2048 in one request"),
        ({"input": ["a", ""]}, "Empty texts found at indices: 1"),
        ({"input": "a", "dimensions": 256}, "dimensions is not supported: all-MiniLM-L6-v2 always gives 384 numbers"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format has to be float or base64"),
    ],
)
def test_refuses_as_openai_does(serve: Serve, body: Any, message: str) -> None:
    answer = serve().post("/v1/embeddings", body)
    assert answer.status == 400
    assert answer.body["error"]["message"].startswith(message)
    assert answer.body["error"]["type"] == "invalid_request_error"
    assert answer.body["detail"] == answer.body["error"]["message"]


def test_takes_the_dimensions_that_it_has(serve: Serve) -> None:
    assert serve().post("/v1/embeddings", {"input": "a", "dimensions": 384}).status == 200
