"""The one-shot commands: one JSON object on stdin, one JSON line on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import BinaryIO, TextIO

from pydantic import ValidationError

from ktx_daemon.embeddings.loading import load_provider
from ktx_daemon.embeddings.provider import EmbeddingProvider
from ktx_daemon.embeddings.requests import ComputeBulkRequest, ComputeRequest
from ktx_daemon.embeddings.service import compute_once


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
    except ValidationError as error:
        print(f"Invalid input: {_describe(error)}", file=stderr)
        return 1
    except Exception as error:
        print(str(error), file=stderr)
        return 1
    print(json.dumps(answer), file=stdout)
    return 0


def _compute(command: str, payload: bytes, load: Callable[[], EmbeddingProvider]) -> dict[str, object]:
    if command == "embedding-compute":
        (embedding,) = compute_once(load, [ComputeRequest.model_validate_json(payload).text])
        return {"embedding": embedding}
    return {"embeddings": compute_once(load, ComputeBulkRequest.model_validate_json(payload).texts)}


def _describe(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'input'}: {item['msg']}" for item in error.errors()
    )
