"""Requests for embeddings: one-shot commands read with them, and HTTP uses them to explain rejections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ktx_daemon.embeddings.texts import encode_text
from ktx_daemon.shapes import Field, any_text, invalid, list_of, record

MAX_TEXTS = 100


@dataclass
class ComputeRequest:
    """One text."""

    text: str


@dataclass
class ComputeBulkRequest:
    """Several texts. Blank ones are accepted here and rejected later, with their positions."""

    texts: list[str]


def _well_formed(value: Any) -> str:
    return encode_text(any_text(value)).decode()


def _not_empty(value: Any) -> str:
    text = _well_formed(value)
    if not text:
        raise invalid("string_too_short", "String should have at least 1 character")
    return text


read_compute = record(ComputeRequest, text=Field(_not_empty))
read_compute_bulk = record(
    ComputeBulkRequest, texts=Field(list_of(_well_formed, least=1, most=MAX_TEXTS))
)
