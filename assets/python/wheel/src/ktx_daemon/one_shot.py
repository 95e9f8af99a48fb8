"""The one-shot commands: one JSON object on stdin, one JSON line on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, BinaryIO, TextIO

from ktx_daemon.embeddings.loading import load_provider
from ktx_daemon.embeddings.provider import EmbeddingProvider
from ktx_daemon.embeddings.requests import read_compute, read_compute_bulk
from ktx_daemon.embeddings.service import compute_once
from ktx_daemon.shapes import invalid


def run_one_shot(
    command: str,
    stdin: BinaryIO,
    stdout: TextIO,
    stderr: TextIO,
    load: Callable[[], EmbeddingProvider] = load_provider,
) -> int:
    """
    Runs `embedding-compute` or `embedding-compute-bulk` on the input from stdin and returns the exit code.

    For invalid input or a failed computation it prints a message to stderr, nothing to stdout, and returns 1.
    """
    try:
        answer = _compute(command, stdin.read(), load)
    except Exception as error:
        print(str(error), file=stderr)
        return 1
    print(json.dumps(answer), file=stdout)
    return 0


def _compute(command: str, payload: bytes, load: Callable[[], EmbeddingProvider]) -> dict[str, object]:
    document = _parse(payload)
    if command == "embedding-compute":
        (embedding,) = compute_once(load, [read_compute(document).text])
        return {"embedding": embedding}
    return {"embeddings": compute_once(load, read_compute_bulk(document).texts)}


def _parse(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise invalid("json_invalid", f"Invalid JSON: {error}") from None
