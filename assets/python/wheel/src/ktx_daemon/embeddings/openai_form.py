"""
The request and answer of OpenAI's `POST /v1/embeddings`.

Format: https://platform.openai.com/docs/api-reference/embeddings. Clients request base64 by default: 100 vectors then
take 275 kB instead of 805.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from ktx_daemon.embeddings.model_files import MODEL_NAME
from ktx_daemon.embeddings.provider import DIMENSIONS
from ktx_daemon.web import ProblemError

if TYPE_CHECKING:
    from ktx_daemon.embeddings.api import Asked
    from ktx_daemon.embeddings.turns import Job

#: OpenAI's limit, at which clients split their lists.
MAX_INPUTS = 2048


def read_request(document: Any) -> Asked:
    """Raises ProblemError 400 with a message that names the field."""
    from ktx_daemon.embeddings.api import Asked, encode_json

    if not isinstance(document, dict):
        raise ProblemError(400, "The body has to be a JSON object with the field input")
    texts = _texts(document.get("input"))
    dimensions = document.get("dimensions")
    if dimensions is not None and dimensions != DIMENSIONS:
        raise ProblemError(
            400, f"dimensions is not supported: {MODEL_NAME} always gives {DIMENSIONS} numbers. Leave the field out"
        )
    encoding = document.get("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise ProblemError(400, "encoding_format has to be float or base64")
    encode = encode_base64 if encoding == "base64" else encode_json
    # `model` may have any value: clients send names of their own. The answer says what was used.
    return Asked(texts, encode, answer)


def _texts(given: Any) -> list[str]:
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list) or not inputs:
        raise ProblemError(400, "input has to be a text or a list of texts")
    if len(inputs) > MAX_INPUTS:
        raise ProblemError(400, f"input has {len(inputs)} texts. Send at most {MAX_INPUTS} in one request")
    if any(isinstance(item, (int, list)) for item in inputs):
        raise ProblemError(
            400,
            "input has token numbers, which belong to another model. Send texts "
            "(LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))",
        )
    if not all(isinstance(item, str) for item in inputs):
        raise ProblemError(400, "input has to be a text or a list of texts")
    return inputs


def encode_base64(vector: bytes) -> bytes:
    """Float32, little-endian, as base64 in a JSON string."""
    return b'"' + base64.b64encode(vector) + b'"'


def answer(job: Job) -> list[bytes]:
    """The body of the answer, in pieces."""
    pieces = [b'{"object":"list","data":[']
    for index, vector in enumerate(job.vectors):
        comma = b"," if index else b""
        pieces.append(comma + b'{"object":"embedding","index":%d,"embedding":' % index + vector + b"}")
    count = sum(job.token_counts)
    rest = {"model": MODEL_NAME, "usage": {"prompt_tokens": count, "total_tokens": count}}
    pieces.append(b"]," + json.dumps(rest, separators=(",", ":")).encode()[1:])
    return pieces


def error_body(problem: ProblemError) -> dict[str, Any]:
    """An error in OpenAI's format, plus `detail`, as everywhere in this daemon."""
    detail = problem.detail
    message = detail if isinstance(detail, str) else "; ".join(entry["msg"] for entry in detail)
    kind = "invalid_request_error" if problem.status < 500 and problem.status != 429 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}, "detail": detail}
