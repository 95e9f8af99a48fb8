"""`GET /health`, and access control."""

from __future__ import annotations

import threading

import pytest
from conftest import Client, FakeProvider, Serve


def test_says_healthy_and_nothing_else(serve: Serve) -> None:
    answer = serve().get("/health")
    assert (answer.status, answer.body) == (200, {"status": "healthy"})


def test_says_the_version_that_it_was_started_with(serve: Serve) -> None:
    assert serve(version="1.2.3").get("/health").body == {"status": "healthy", "version": "1.2.3"}


def test_leaves_out_an_empty_version(serve: Serve) -> None:
    assert serve(version="").get("/health").body == {"status": "healthy"}


def test_does_not_load_the_model(serve: Serve) -> None:
    def load() -> FakeProvider:
        raise AssertionError("loaded")

    assert serve(load).get("/health").status == 200


def test_answers_while_a_computation_runs(serve: Serve) -> None:
    entered, release = threading.Event(), threading.Event()

    class SlowProvider(FakeProvider):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            entered.set()
            assert release.wait(10)
            return super().embed(texts)

    client = serve(SlowProvider)
    statuses: list[int] = []
    request = threading.Thread(target=lambda: statuses.append(client.post("/embeddings/compute", {"text": "a"}).status))
    request.start()
    try:
        assert entered.wait(10)
        assert client.get("/health").status == 200
        # Invalid requests are rejected at once.
        assert client.post("/embeddings/compute", {"text": " "}).status == 400
        assert client.post("/embeddings/compute", {}).status == 422
        assert statuses == []
    finally:
        release.set()
        request.join(10)
    assert statuses == [200]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8765"])
def test_answers_to_names_of_this_machine(client: Client, host: str) -> None:
    assert client.get("/health", {"host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8765",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:x",
        "::1",
        "10.0.0.1",
        "",
    ],
)
def test_refuses_a_foreign_host(client: Client, host: str) -> None:
    answer = client.get("/health", {"host": host})
    assert answer.status == 403
    assert answer.body["detail"].startswith("Host not allowed: ")


def test_refuses_a_request_without_a_host(client: Client) -> None:
    status, _ = client.send_raw(b"GET /health HTTP/1.0\r\n\r\n")
    assert status == 403


def test_refuses_a_foreign_host_before_it_computes(client: Client, provider: FakeProvider) -> None:
    headers = {"host": "evil.example", "content-type": "application/json"}
    assert client.send("POST", "/embeddings/compute", b'{"text":"a"}', headers).status == 403
    assert provider.calls == []


def test_serves_no_documentation_pages(client: Client) -> None:
    assert [client.get(path).status for path in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 404]
