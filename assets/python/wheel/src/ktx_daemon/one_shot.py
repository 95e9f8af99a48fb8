"""The one-shot commands: one JSON object on stdin, one JSON line on stdout."""

from __future__ import annotations

import json
from typing import BinaryIO, TextIO

from pydantic import ValidationError

from ktx_daemon.embeddings import EmbeddingService, load_provider
from ktx_daemon.embeddings.requests import ComputeBulkRequest, ComputeRequest


def run_one_shot(
    command: str, stdin: BinaryIO, stdout: TextIO, stderr: TextIO, service: EmbeddingService | None = None
) -> int:
    """
    Runs `embedding-compute` or `embedding-compute-bulk` on what stdin says; the result is the exit code.

    Invalid input, and a computation that fails, is a message on stderr and 1; stdout stays empty then.
    """
    service = service or EmbeddingService(load_provider)
    try:
        answer = _compute(command, stdin.read(), service)
    except ValidationError as error:
        print(f"Invalid input: {_describe(error)}", file=stderr)
        return 1
    except Exception as error:
        print(str(error), file=stderr)
        return 1
    print(json.dumps(answer), file=stdout)
    return 0


def _compute(command: str, payload: bytes, service: EmbeddingService) -> dict[str, list[float] | list[list[float]]]:
    if command == "embedding-compute":
        (embedding,) = service.compute([ComputeRequest.model_validate_json(payload).text])
        return {"embedding": embedding}
    return {"embeddings": service.compute(ComputeBulkRequest.model_validate_json(payload).texts)}


def _describe(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'input'}: {item['msg']}" for item in error.errors()
    )
