"""Shared by tests of the real engine: when they run, the model, the reference vectors."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

#: For a runtime with `core` only. With the extra installed, a missing model is an error and no reason to skip.
needs_engine = pytest.mark.skipif(
    find_spec("onnxruntime") is None, reason="the extra local-embeddings is not installed in this interpreter"
)

#: Computed by sentence-transformers with torch.
REFERENCES: dict[str, list[float]] = {
    item["text"]: item["embedding"]
    for item in json.loads((Path(__file__).parent / "data" / "embeddings-reference.json").read_text("utf-8"))["items"]
}
TOLERANCE = 1e-5


def deviation(vector: list[float], reference: list[float]) -> float:
    """The largest difference between two vectors, element by element."""
    return max(abs(number - expected) for number, expected in zip(vector, reference, strict=True))
