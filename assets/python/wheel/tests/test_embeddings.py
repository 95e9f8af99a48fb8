"""`POST /embeddings/…`: every row of the endpoint table and of the error table."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from conftest import MAX_BODY_BYTES, Client, FakeProvider, Serve

from ktx_daemon.embeddings.loading import refuse_missing_extra
from ktx_daemon.embeddings.provider import DIMENSIONS, EmbeddingsUnavailableError

JSON = {"content-type": "application/json"}
NOT_INSTALLED = (
    "the local-embeddings feature is not installed (no module %s). "
    "Run: ktx admin runtime install --feature local-embeddings --yes"
)


def test_compute_gives_384_finite_numbers(client: Client) -> None:
    answer = client.post("/embeddings/compute", {"text": "three words here"})
    assert answer.status == 200
    assert list(answer.body) == ["embedding"]
    assert len(answer.body["embedding"]) == DIMENSIONS == 384
    assert all(math.isfinite(number) for number in answer.body["embedding"])


def test_compute_bulk_keeps_order_and_count(client: Client) -> None:
    answer = client.post("/embeddings/compute-bulk", {"texts": ["aaa", "b", "cc"]})
    assert answer.status == 200
    assert list(answer.body) == ["embeddings"]
    assert [vector[0] for vector in answer.body["embeddings"]] == [3.0, 1.0, 2.0]
    assert {len(vector) for vector in answer.body["embeddings"]} == {384}


@pytest.mark.parametrize("count", [1, 100])
def test_compute_bulk_takes_1_to_100_texts(client: Client, count: int) -> None:
    answer = client.post("/embeddings/compute-bulk", {"texts": ["x"] * count})
    assert (answer.status, len(answer.body["embeddings"])) == (200, count)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/embeddings/compute", {}, id="no text"),
        pytest.param("/embeddings/compute", {"text": 3}, id="text is a number"),
        pytest.param("/embeddings/compute", {"text": None}, id="text is null"),
        pytest.param("/embeddings/compute", {"text": ""}, id="text is empty"),
        pytest.param("/embeddings/compute", [], id="body is a list"),
        pytest.param("/embeddings/compute-bulk", {}, id="no texts"),
        pytest.param("/embeddings/compute-bulk", {"texts": "a"}, id="texts is a string"),
        pytest.param("/embeddings/compute-bulk", {"texts": ["a", 3]}, id="one text is a number"),
        pytest.param("/embeddings/compute-bulk", {"texts": []}, id="0 texts"),
        pytest.param("/embeddings/compute-bulk", {"texts": ["a"] * 101}, id="101 texts"),
    ],
)
def test_422_with_a_structured_list(client: Client, provider: FakeProvider, path: str, body: Any) -> None:
    answer = client.post(path, body)
    assert answer.status == 422
    assert isinstance(answer.body["detail"], list)
    assert {"type", "loc", "msg"} <= set(answer.body["detail"][0])
    assert all(set(entry) == {"type", "loc", "msg"} for entry in answer.body["detail"])
    assert provider.calls == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/embeddings/compute", {"texts": "kept to ourselves"}),
        ("/embeddings/compute", {"text": ["kept to ourselves"]}),
        ("/embeddings/compute-bulk", {"texts": "kept to ourselves"}),
        ("/embeddings/compute-bulk", {"texts": ["kept to ourselves", 3]}),
        ("/embeddings/compute-bulk", {"texts": ["kept to ourselves"] * 101}),
        ("/v1/embeddings", {"input": {"kept to ourselves": 1}}),
        ("/v1/embeddings", {"input": "a", "encoding_format": "kept to ourselves"}),
        ("/v1/embeddings", {"input": "a", "dimensions": "kept to ourselves"}),
    ],
)
def test_no_refusal_repeats_the_input(client: Client, path: str, body: Any) -> None:
    answer = client.post(path, body)
    assert answer.status in (400, 422)
    assert "ourselves" not in json.dumps(answer.body)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_422_for_a_body_that_is_not_called_json(client: Client, kind: str | None) -> None:
    answer = client.send("POST", "/embeddings/compute", b'{"text":"a"}', {"content-type": kind} if kind else {})
    assert answer.status == 422


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"])
def test_takes_whatever_is_called_json(client: Client, kind: str) -> None:
    assert client.send("POST", "/embeddings/compute", b'{"text":"a"}', {"content-type": kind}).status == 200


def test_400_for_a_body_that_is_not_utf_8(client: Client) -> None:
    answer = client.send("POST", "/embeddings/compute", b'{"text":"\xff"}', JSON)
    assert (answer.status, answer.body) == (400, {"detail": "The body is not UTF-8: byte 9 cannot be read"})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 200_000, id="nested lists"),
        pytest.param(b'{"text":"a","x":[' + b"[]," * 2_000_000 + b"1]}", id="many lists"),
        pytest.param(b'{"text":"a","x":[' + b'"",' * 2_000_000 + b"1]}", id="many strings"),
        pytest.param(b'{"text":' + b"9" * 100_000 + b"}", id="a long number"),
        pytest.param(b'{"text":"a' + b"a" * 1_000_000, id="an open string"),
    ],
)
def test_422_for_json_that_costs_more_than_it_says(serve: Serve, body: bytes) -> None:
    answer = serve(max_body_bytes=2**24).send("POST", "/embeddings/compute", body, JSON)
    assert answer.status == 422
    assert isinstance(answer.body["detail"], list)


def test_a_large_text_of_commas_and_brackets_is_a_text(serve: Serve) -> None:
    body = {"texts": ['[,"]{\\' * 100_000] * 5}
    assert serve(max_body_bytes=2**24).post("/embeddings/compute-bulk", body).status == 200


def test_422_for_a_body_that_is_not_json(client: Client) -> None:
    answer = client.send("POST", "/embeddings/compute", b"{", JSON)
    assert answer.status == 422
    assert isinstance(answer.body["detail"], list)


@pytest.mark.parametrize(
    ("path", "body", "indices"),
    [
        ("/embeddings/compute", {"text": " \n\t"}, "0"),
        ("/embeddings/compute-bulk", {"texts": [""]}, "0"),
        ("/embeddings/compute-bulk", {"texts": ["a", "", "b", "  "]}, "1, 3"),
    ],
)
def test_400_names_blank_texts_before_the_provider_is_loaded(serve: Serve, path: str, body: Any, indices: str) -> None:
    def load() -> FakeProvider:
        raise AssertionError("loaded")

    answer = serve(load).post(path, body)
    assert (answer.status, answer.body) == (400, {"detail": f"Empty texts found at indices: {indices}"})


def test_500_says_what_the_engine_says(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ktx_daemon.embeddings.loading.find_spec", lambda name: None)

    def load() -> FakeProvider:
        refuse_missing_extra()
        raise AssertionError("loaded")

    answer = serve(load).post("/embeddings/compute", {"text": "a"})
    detail = f"Daemon request failed: {NOT_INSTALLED % 'numpy, onnxruntime, tokenizers'}"
    assert (answer.status, answer.body) == (500, {"detail": detail})


def test_500_for_anything_else_that_is_thrown(serve: Serve) -> None:
    class BrokenProvider(FakeProvider):
        def embed(self, texts: Any) -> Any:
            raise ZeroDivisionError("the model broke")

    client = serve(BrokenProvider)
    for _ in range(2):
        answer = client.post("/embeddings/compute", {"text": "a"})
        assert (answer.status, answer.body) == (500, {"detail": "Daemon request failed: the model broke"})


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        pytest.param([[0.0] * 383], "the provider returned 383 numbers instead of 384 for text 0", id="length"),
        pytest.param(
            [[math.nan] * 384], "the provider returned a number that is not finite for text 0", id="not finite"
        ),
        pytest.param([], "the provider returned 0 vectors for 1 texts", id="count"),
    ],
)
def test_500_when_the_provider_breaks_its_promise(serve: Serve, vectors: Any, message: str) -> None:
    class BadProvider(FakeProvider):
        def embed(self, texts: Any) -> Any:
            return vectors

    answer = serve(BadProvider).post("/embeddings/compute", {"text": "a"})
    assert (answer.status, answer.body) == (500, {"detail": f"Daemon request failed: {message}"})


def test_400_for_more_texts_than_the_provider_takes(serve: Serve) -> None:
    provider = FakeProvider(max_batch_size=2)
    answer = serve(lambda: provider).post("/embeddings/compute-bulk", {"texts": ["a", "b", "c"]})
    assert (answer.status, answer.body) == (400, {"detail": "Maximum 2 texts allowed per batch"})
    assert provider.calls == []


def test_loads_the_engine_once_and_tries_again_after_a_failure(serve: Serve, provider: FakeProvider) -> None:
    outcomes: list[Any] = [EmbeddingsUnavailableError("not yet"), provider]

    def load() -> FakeProvider:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    client = serve(load)
    statuses = [client.post("/embeddings/compute", {"text": "a"}).status for _ in range(3)]
    assert statuses == [500, 200, 200]
    assert len(provider.calls) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_404_for_code_execution(client: Client, method: str) -> None:
    assert client.send(method, "/code/execute", b"{}", JSON).status == 404


def test_413_for_an_announced_length_before_the_body_comes(client: Client, provider: FakeProvider) -> None:
    head = f"POST /embeddings/compute HTTP/1.1\r\nhost: localhost\r\ncontent-length: {MAX_BODY_BYTES + 1}\r\n\r\n"
    status, body = client.send_raw(head.encode())
    assert status == 413
    assert body == b'{"detail":"Request body is larger than 65536 bytes"}'
    assert provider.calls == []


def test_413_for_a_body_without_a_length(client: Client, provider: FakeProvider) -> None:
    body = b'{"text":"' + b"a" * MAX_BODY_BYTES + b'"}'
    head = b"POST /embeddings/compute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    request = head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    status, _ = client.send_raw(request)
    assert status == 413
    assert provider.calls == []


def test_a_body_of_just_the_limit_is_taken(client: Client) -> None:
    frame = len(b'{"text":""}')
    body = b'{"text":"' + b"a" * (MAX_BODY_BYTES - frame) + b'"}'
    assert len(body) == MAX_BODY_BYTES
    assert client.send("POST", "/embeddings/compute", body, JSON).status == 200
