"""The committed graph matches its script and points to the right bytes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from embedding_engine import needs_engine

from ktx_daemon.embeddings.settings import read_settings

pytestmark = needs_engine
SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def make_graph(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.delitem(sys.modules, "make_graph", raising=False)
    import make_graph

    return make_graph


@pytest.fixture
def weights() -> Path:
    return read_settings(os.environ).require_model() / "model.safetensors"


@pytest.fixture
def committed() -> Any:
    import onnx

    from ktx_daemon.embeddings.model_files import GRAPH

    return onnx.load(GRAPH, load_external_data=False)


def test_its_script_makes_the_committed_bytes(make_graph: ModuleType, weights: Path) -> None:
    from ktx_daemon.embeddings.model_files import GRAPH

    assert make_graph.graph_bytes(weights.parent) == GRAPH.read_bytes() == make_graph.GRAPH_FILE.read_bytes()


def test_points_to_exactly_the_tensors_that_are_needed(make_graph: ModuleType, weights: Path, committed: Any) -> None:
    tensors, data_start = make_graph.read_header(weights)
    unneeded = {"embeddings.position_ids", "pooler.dense.bias", "pooler.dense.weight"}
    expected = {
        name: {
            "location": "model.safetensors",
            "offset": str(data_start + entry["data_offsets"][0]),
            "length": str(entry["data_offsets"][1] - entry["data_offsets"][0]),
        }
        for name, entry in tensors.items()
        if name not in unneeded
    }
    initializers = committed.graph.initializer
    references = {
        tensor.name: {entry.key: entry.value for entry in tensor.external_data}
        for tensor in initializers
        if tensor.external_data
    }
    assert references == expected
    assert len(expected) == 101
    assert all(list(tensor.dims) == tensors[tensor.name]["shape"] for tensor in initializers if tensor.external_data)
    ends = [int(entry["offset"]) + int(entry["length"]) for entry in references.values()]
    assert max(ends) <= weights.stat().st_size


def test_has_no_weights_of_its_own(committed: Any) -> None:
    assert committed.ByteSize() < 40_000
    inline = [tensor for tensor in committed.graph.initializer if not tensor.external_data]
    assert max(len(tensor.SerializeToString()) for tensor in inline) < 100


def test_uses_standard_operators_that_the_oldest_onnxruntime_has(committed: Any) -> None:
    assert [(entry.domain, entry.version) for entry in committed.opset_import] == [("", 20)]
    assert committed.ir_version == 9
    assert {node.domain for node in committed.graph.node} == {""}


def test_refuses_weights_of_another_shape(make_graph: ModuleType, weights: Path) -> None:
    tensors, data_start = make_graph.read_header(weights)
    name = "encoder.layer.5.output.dense.weight"
    tensors[name] = {**tensors[name], "shape": [1536, 384]}
    with pytest.raises(ValueError, match=rf"{name} is F32 \[1536, 384\], not F32 \[384, 1536\]"):
        make_graph.build_graph(tensors, data_start)
