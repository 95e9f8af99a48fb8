"""Parses bodies into texts at a bounded cost. Error messages never quote the input."""

from __future__ import annotations

import asyncio
import json
from json.decoder import scanstring
from typing import TYPE_CHECKING, Any

from ktx_daemon.web import ProblemError

if TYPE_CHECKING:
    from pydantic import BaseModel

#: The engine reads at most this many characters of a text (`engine.CUTS`).
MAX_CHARACTERS = 1_048_576
#: A larger body is scanned before it is parsed.
_LARGE_BYTES = 256 * 1024
#: No sensible request has this many strings, lists, objects and commas. A megabyte of empty lists takes 100 MB to
#: parse.
_MAX_PARTS = 50_000


async def parse_json(body: bytes, content_type: str, turn: asyncio.Lock) -> Any:
    """
    The document in a body. Large ones are read one at a time and in steps, between which other requests are answered.

    Raises ProblemError: 400 when it is not UTF-8, 422 when it is not JSON or has far too many parts. A body with
    another content type is rejected, since pages of other sites can send those without a preflight request.
    """
    kind = content_type.split(";")[0].strip().lower()
    if not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        raise _invalid("model_attributes_type", "Send JSON with the header content-type: application/json")
    if len(body) <= _LARGE_BYTES:
        return _loads(_decode(body))
    async with turn:
        await asyncio.sleep(0)
        text = _decode(body)
        await asyncio.sleep(0)
        _refuse_too_many_parts(text)
        await asyncio.sleep(0)
        return _loads(text)


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"The body is not UTF-8: byte {error.start} cannot be read") from None


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _invalid("json_invalid", f"JSON decode error: {error.msg}", error.pos) from None
    except (RecursionError, ValueError):
        raise _invalid(
            "json_invalid", "JSON decode error: nested too deeply, or a number with too many digits"
        ) from None


def _refuse_too_many_parts(text: str) -> None:
    parts = position = 0
    while True:
        quote = text.find('"', position)
        end = len(text) if quote < 0 else quote
        parts += 1 + sum(text.count(mark, position, end) for mark in ",[{")
        if parts > _MAX_PARTS:
            raise _invalid("too_long", f"JSON has more than {_MAX_PARTS} values")
        if quote < 0:
            return
        try:
            _, position = scanstring(text, quote + 1, False)
        except json.JSONDecodeError:
            return  # The parser reports it better.


def texts_of(document: Any, field: str, model: str, most: int) -> list[str]:
    """
    The text or texts in a field. Blank ones are accepted.

    Raises ProblemError 422 with the structured list that the model with this name (see `requests`) produces.
    """
    value = document.get(field) if isinstance(document, dict) else None
    if field == "text" and isinstance(value, str) and value:
        return [value]
    is_list = field != "text" and isinstance(value, list) and 1 <= len(value) <= most
    if is_list and all(isinstance(item, str) for item in value):
        return value
    from ktx_daemon.embeddings import requests

    raise explain(getattr(requests, model), document)


def explain(model: type[BaseModel], document: Any) -> ProblemError:
    """Why a document does not match a model, as a structured list. No entry contains the input."""
    from pydantic import ValidationError

    try:
        model.model_validate(document)
    except ValidationError as error:
        entries = error.errors(include_url=False, include_context=False, include_input=False)
        return ProblemError(422, [{**entry, "loc": ["body", *entry["loc"]]} for entry in entries])
    raise AssertionError(f"{model.__name__} takes what was refused")


def encode_text(text: str) -> bytes:
    """
    A text as UTF-8, truncated to what the engine reads.

    JavaScript's `slice` can split an emoji, leaving half a surrogate pair in the JSON; it is read as U+FFFD, as any
    encoder would.
    """
    text = text[:MAX_CHARACTERS]
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _invalid(kind: str, message: str, *location: int) -> ProblemError:
    return ProblemError(422, [{"type": kind, "loc": ["body", *location], "msg": message}])
