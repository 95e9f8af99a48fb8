"""Requests as models: one-shot commands parse with them, and HTTP uses them to explain rejections."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from ktx_daemon.embeddings.texts import encode_text

MAX_TEXTS = 100


def _well_formed(value: object) -> object:
    return encode_text(value).decode() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_well_formed)]


class ComputeRequest(BaseModel):
    """One text."""

    text: Text = Field(min_length=1)


class ComputeBulkRequest(BaseModel):
    """Several texts. Blank ones are accepted here and rejected later, with their positions."""

    texts: list[Text] = Field(min_length=1, max_length=MAX_TEXTS)
