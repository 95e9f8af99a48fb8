"""Requests and responses, as every entrance takes and gives them (HTTP and one-shot commands)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

MAX_TEXTS = 100


def _well_formed(value: object) -> object:
    # JavaScript's `slice` cuts an emoji in two and its JSON carries the half; as any encoder would, read it as U+FFFD.
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


Text = Annotated[str, BeforeValidator(_well_formed)]


class ComputeRequest(BaseModel):
    """One text."""

    text: Text = Field(min_length=1)


class ComputeResponse(BaseModel):
    """The vector of one text."""

    embedding: list[float]


class ComputeBulkRequest(BaseModel):
    """Several texts. Blank ones pass here and are refused by the service, which names their positions."""

    texts: list[Text] = Field(min_length=1, max_length=MAX_TEXTS)


class ComputeBulkResponse(BaseModel):
    """One vector for each text, in the same order."""

    embeddings: list[list[float]]
