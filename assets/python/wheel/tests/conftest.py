"""A real server on a free port, and a provider without a model."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ktx_daemon.app import create_app
from ktx_daemon.embeddings import DIMENSIONS, EmbeddingProvider, EmbeddingService
from ktx_daemon.embeddings.queue import EmbeddingQueue
from ktx_daemon.server import DaemonServer, make_server

MAX_BODY_BYTES = 64 * 1024
WAIT_SECONDS = 30


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@dataclass
class FakeProvider:
    """Returns vectors that identify their text; records its calls."""

    max_batch_size: int = 100
    calls: list[list[str]] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls.append(list(texts))
        return [[float(len(text))] * DIMENSIONS for text in texts]


@dataclass
class Answer:
    """Status, headers and decoded JSON body."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """Plain HTTP to one port."""

    server: DaemonServer
    queue: EmbeddingQueue
    thread: threading.Thread

    def __init__(self, port: int) -> None:
        self.port = port
        self.timeout = 10

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: Any) -> Answer:
        return self.send("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(
                response.status, json.loads(response.read()), {k.lower(): v for k, v in response.getheaders()}
            )
        finally:
            connection.close()

    def send_raw(self, request: bytes) -> tuple[int, bytes]:
        """Sends exactly these bytes; returns status and body of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return response.status, response.read()


Serve = Callable[..., Client]


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers and stops them afterwards: `serve(load, version=…, secret=…)`; or `serve(start_engine=…)`."""
    running: list[tuple[DaemonServer, threading.Thread]] = []

    def start(
        load: Callable[[], EmbeddingProvider] = FakeProvider,
        *,
        start_engine: Callable[[], Awaitable[Any]] | None = None,
        idle_seconds: float = 0,
        **options: Any,
    ) -> Client:
        queue = (
            EmbeddingQueue(start_engine, idle_seconds=idle_seconds)
            if start_engine
            else EmbeddingService(load, idle_seconds=idle_seconds)
        )
        app = create_app(queue, **{"max_body_bytes": MAX_BODY_BYTES, **options})
        listener = socket.create_server(("127.0.0.1", 0))
        server = make_server(app, queue.drain, host="127.0.0.1", port=0, log_level="error")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread))
        # The port accepts connections from here on; requests are queued until the server takes them.
        client = Client(listener.getsockname()[1])
        client.server, client.queue, client.thread = server, queue, thread
        return client

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def client(serve: Serve, provider: FakeProvider) -> Client:
    """A server with the fake provider."""
    return serve(lambda: provider)
