"""What a connection may hold: time of the event loop, memory, and clear answers to what is no request."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import socket
from collections.abc import MutableMapping
from typing import Any

import pytest
from conftest import WAIT_SECONDS, Serve, until

from ktx_daemon.server import LimitedProtocol, make_server
from ktx_daemon.web import send_json


def request(characters: int) -> bytes:
    body = b'{"text":"%b"}' % (b"a" * characters)
    head = b"POST /embeddings/compute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture
def read_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much the server reads at once."""
    sizes: list[int] = []
    receive = LimitedProtocol.data_received

    def watched(self: LimitedProtocol, data: bytes) -> None:
        sizes.append(len(data))
        receive(self, data)

    monkeypatch.setattr(LimitedProtocol, "data_received", watched)
    monkeypatch.setattr(LimitedProtocol, "next_turn", 0.0)
    return sizes


def test_reads_ever_less_at_once_of_what_is_expensive(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, read_sizes: list[int]
) -> None:
    monkeypatch.setattr("ktx_daemon.server.EXPENSIVE_SECONDS", -1)
    monkeypatch.setattr("ktx_daemon.server.EXPENSIVE_SHARE", 0)
    assert serve().send_raw(request(50_000))[0] == 200
    assert read_sizes[0] <= 4096
    assert all(later <= max(1024, earlier // 2) for earlier, later in itertools.pairwise(read_sizes))


def test_reads_at_most_64_kb_at_once_of_what_is_cheap(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, read_sizes: list[int]
) -> None:
    monkeypatch.setattr("ktx_daemon.server.EXPENSIVE_SECONDS", 60)
    assert serve(max_body_bytes=2**24).send_raw(request(2**20))[0] == 200
    assert read_sizes[0] <= 4096
    assert 4096 < max(read_sizes) <= 65_536


def test_others_are_served_before_more_is_read_of_what_is_expensive(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, read_sizes: list[int]
) -> None:
    monkeypatch.setattr("ktx_daemon.server.EXPENSIVE_SECONDS", -1)
    monkeypatch.setattr("ktx_daemon.server.EXPENSIVE_SHARE", 1e6)
    client = serve()
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        connection.sendall(request(50_000))
        until(lambda: read_sizes)
        for _ in range(5):
            assert client.get("/health").status == 200
    # A part of the body, and five heads.
    assert len(read_sizes) == 6


def test_accepts_few_connections_in_a_row(serve: Serve) -> None:
    assert serve().server.config.backlog == 64


@pytest.mark.parametrize(
    ("sent", "status", "detail"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400 ", "Invalid HTTP request received."),
        (
            b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 20_000,
            b"431 ",
            "The head of the request is larger than 16384 bytes",
        ),
    ],
)
def test_what_is_no_request_is_refused_in_json(serve: Serve, sent: bytes, status: bytes, detail: str) -> None:
    with socket.create_connection(("127.0.0.1", serve().port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(sent)
        answer = connection.recv(1000)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"detail": detail}


def test_a_compressed_body_is_refused(serve: Serve) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    for path in ("/embeddings/compute", "/v1/embeddings"):
        answer = serve().send("POST", path, gzip.compress(b'{"text":"a"}'), headers)
        assert answer.status == 415
        assert answer.body["detail"] == "Compressed bodies are not supported. Send the body as it is"
        assert answer.headers["accept-encoding"] == "identity"


def test_a_large_answer_is_sent_in_large_blocks_between_which_others_have_their_turn() -> None:
    blocks: list[bytes] = []
    turns = 0

    async def send(message: MutableMapping[str, Any]) -> None:
        blocks.append(message.get("body", b""))

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def answer() -> None:
        other = asyncio.create_task(count_turns())
        await send_json(send, 200, [b"%d" % number * 4200 for number in range(10, 99)])
        other.cancel()

    asyncio.run(answer())
    assert b"".join(blocks) == b"".join(b"%d" % number * 4200 for number in range(10, 99))
    assert len(blocks) < 20
    assert turns >= 10


def test_memory_is_given_back_after_large_requests(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    trims: list[int] = []
    monkeypatch.setattr("ktx_daemon.server._trim", lambda: trims.append(1))
    monkeypatch.setattr("ktx_daemon.server.TICKS_BETWEEN_TRIMS", 1)
    monkeypatch.setattr(LimitedProtocol, "total_bytes", 0)
    client = serve(max_body_bytes=2**24)
    assert client.get("/health").status == 200
    assert trims == []
    assert client.send_raw(request(5 * 2**20))[0] == 200
    until(lambda: trims)


def test_says_when_it_listens() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    async def drain(seconds: float) -> None: ...

    async def run() -> list[bool]:
        server = make_server(app, drain, host="127.0.0.1", port=0, log_level="error")
        heard: list[bool] = []
        server.on_listening = lambda: heard.append(True)
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup()
        await server.shutdown()
        return heard

    assert asyncio.run(run()) == [True]
