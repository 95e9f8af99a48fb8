"""Requests and responses, as every entrance takes and gives them (HTTP and one-shot commands)."""

from __future__ import annotations

from pydantic import BaseModel, Field

MAX_TEXTS = 100


class ComputeRequest(BaseModel):
    """One text."""

    text: str = Field(min_length=1)


class ComputeResponse(BaseModel):
    """The vector of one text."""

    embedding: list[float]


class ComputeBulkRequest(BaseModel):
    """Several texts. Blank ones pass here and are refused by the service, which names their positions."""

    texts: list[str] = Field(min_length=1, max_length=MAX_TEXTS)


class ComputeBulkResponse(BaseModel):
    """One vector for each text, in the same order."""

    embeddings: list[list[float]]
