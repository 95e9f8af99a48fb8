"""A real server on a free port, and a provider without a model."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from ktx_daemon.app import create_app
from ktx_daemon.embeddings import DIMENSIONS, EmbeddingProvider, EmbeddingService

MAX_BODY_BYTES = 64 * 1024


@dataclass
class FakeProvider:
    """Vectors that tell which text they are of; remembers what it was asked."""

    max_batch_size: int = 100
    calls: list[list[str]] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls.append(list(texts))
        return [[float(len(text))] * DIMENSIONS for text in texts]


@dataclass
class Answer:
    """Status and decoded JSON body."""

    status: int
    body: Any


class Client:
    """Plain HTTP to one port."""

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
            return Answer(response.status, json.loads(response.read()))
        finally:
            connection.close()

    def send_raw(self, request: bytes) -> tuple[int, bytes]:
        """Sends exactly these bytes; status and body of what comes back."""
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
    """Starts servers and stops them at the end: `serve(load=…, version=…, nonce=…)`."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(load: Callable[[], EmbeddingProvider] = FakeProvider, **options: Any) -> Client:
        app: FastAPI = create_app(EmbeddingService(load), **{"max_body_bytes": MAX_BODY_BYTES, **options})
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, log_level="error", lifespan="off", http="h11", ws="none")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread))
        # The port accepts from here on; a request waits in its queue until the server takes it.
        return Client(listener.getsockname()[1])

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def client(serve: Serve, provider: FakeProvider) -> Client:
    """A server with the fake provider."""
    return serve(lambda: provider)
