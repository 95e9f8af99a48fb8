"""
Writes the computation of all-MiniLM-L6-v2 as ONNX: `python scripts/make_graph.py MODEL_DIRECTORY`. Needs `onnx`.

The graph contains no weights. Each one is an `external_data` reference (file, offset, length) into the unmodified
`model.safetensors`, so the file hashed at install is the file used for computing. The same header gives the same bytes.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

# The architecture, from config.json.
HIDDEN = 384
HEADS = 12
LAYERS = 6
LAYER_NORM_EPSILON = 1e-12
HEAD_SIZE = HIDDEN // HEADS

#: The oldest opset with LayerNormalization and Gelu as operators, and the format version that introduced it.
OPSET = 20
IR_VERSION = 9

WEIGHTS_FILE = "model.safetensors"
GRAPH_FILE = Path(__file__).parents[1] / "src" / "ktx_daemon" / "embeddings" / "all_minilm_l6_v2.onnx"

#: Added to the attention scores of padding: low enough that its share becomes exactly 0.
PADDING_SCORE = -1e9


def read_header(weights: Path) -> tuple[dict[str, Any], int]:
    """
    The tensors described by a safetensors file, by name, and the offset of its data.

    Format: 8 bytes little-endian length, that much JSON, then the data; `data_offsets` are relative to its start.
    """
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


class GraphWriter:
    """Collects nodes and initializers; every method returns the name of what it added."""

    def __init__(self, tensors: dict[str, Any], data_start: int) -> None:
        self._tensors = tensors
        self._data_start = data_start
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}

    def add(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, name: str, dtype: int, values: Sequence[int | float]) -> str:
        """A small one-dimensional tensor stored in the graph itself."""
        self.initializers[name] = helper.make_tensor(name, dtype, [len(values)], values)
        return name

    def weight(self, name: str, shape: Sequence[int]) -> str:
        """A tensor from the weights file. Raises ValueError unless it is float32 with this shape."""
        entry = self._tensors[name]
        if entry["dtype"] != "F32" or entry["shape"] != list(shape):
            raise ValueError(f"{name} is {entry['dtype']} {entry['shape']}, not F32 {list(shape)}")
        start, end = entry["data_offsets"]
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        reference = {"location": WEIGHTS_FILE, "offset": self._data_start + start, "length": end - start}
        for key, value in reference.items():
            tensor.external_data.add(key=key, value=str(value))
        self.initializers[name] = tensor
        return name

    def linear(self, module: str, rows: str, out_size: int, in_size: int) -> str:
        """`rows @ weight.T + bias`, as a Gemm, which reads the weights in the file's layout (one row per output)."""
        weight = self.weight(f"{module}.weight", [out_size, in_size])
        bias = self.weight(f"{module}.bias", [out_size])
        return self.add("Gemm", [rows, weight, bias], module, transB=1)

    def layer_norm(self, module: str, rows: str) -> str:
        scale, bias = self.weight(f"{module}.weight", [HIDDEN]), self.weight(f"{module}.bias", [HIDDEN])
        return self.add("LayerNormalization", [rows, scale, bias], module, epsilon=LAYER_NORM_EPSILON)


def build_graph(tensors: dict[str, Any], data_start: int) -> GraphProto:
    """
    Token ids and attention mask in, one vector of length 1 per text out.

    Between the embedding table and the pooling, texts and positions are merged into one dimension (`rows`): Gemm takes
    matrices.
    """
    graph = GraphWriter(tensors, data_start)
    _add_constants(graph)
    size = graph.add("Shape", ["input_ids"], "size")
    # [texts, positions, heads, numbers per head]
    graph.add("Concat", [size, "head_shape"], "split_shape", axis=0)
    # [texts, 1, 1, positions]: 0 for tokens, PADDING_SCORE for padding.
    spread = graph.add("Unsqueeze", ["attention_mask", "axes_1_2"], "spread_mask")
    graph.add("Mul", [graph.add("Sub", ["one", spread], "is_padding"), "padding_score"], "mask_scores")

    rows = _embed_tokens(graph, size)
    for layer in range(LAYERS):
        rows = _encode(graph, f"encoder.layer.{layer}", rows)
    _pool(graph, rows, size)

    dimensions = ["texts", "positions"]
    return helper.make_graph(
        graph.nodes,
        "all-MiniLM-L6-v2",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, dimensions),
            helper.make_tensor_value_info("attention_mask", TensorProto.FLOAT, dimensions),
        ],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["texts", HIDDEN])],
        list(graph.initializers.values()),
    )


def _add_constants(graph: GraphWriter) -> None:
    graph.constant("zero", TensorProto.INT64, [0])
    graph.constant("axis_1", TensorProto.INT64, [1])
    graph.constant("axes_1_2", TensorProto.INT64, [1, 2])
    graph.constant("row_shape", TensorProto.INT64, [-1, HIDDEN])
    graph.constant("head_shape", TensorProto.INT64, [HEADS, HEAD_SIZE])
    graph.constant("hidden_shape", TensorProto.INT64, [HIDDEN])
    graph.constant("one", TensorProto.FLOAT, [1.0])
    graph.constant("padding_score", TensorProto.FLOAT, [PADDING_SCORE])
    graph.constant("attention_scale", TensorProto.FLOAT, [HEAD_SIZE**-0.5])


def _embed_tokens(graph: GraphWriter, size: str) -> str:
    """The sum of word, position and token type (always the first), normalised."""
    vocabulary = graph.weight("embeddings.word_embeddings.weight", [30522, HIDDEN])
    positions = graph.weight("embeddings.position_embeddings.weight", [512, HIDDEN])
    types = graph.weight("embeddings.token_type_embeddings.weight", [2, HIDDEN])
    words = graph.add("Gather", [vocabulary, "input_ids"], "words")
    count = graph.add("Gather", [size, "axis_1"], "position_count")
    places = graph.add("Slice", [positions, "zero", count], "places")
    first_type = graph.add("Gather", [types, "zero"], "first_type")
    placed = graph.add("Add", [words, graph.add("Add", [places, first_type], "typed_places")], "placed_words")
    rows = graph.add("Reshape", [placed, "row_shape"], "rows")
    return graph.layer_norm("embeddings.LayerNorm", rows)


def _encode(graph: GraphWriter, layer: str, rows: str) -> str:
    attended = _attend(graph, f"{layer}.attention", rows)
    wide = graph.linear(f"{layer}.intermediate.dense", attended, 4 * HIDDEN, HIDDEN)
    active = graph.add("Gelu", [wide], f"{layer}.intermediate.gelu")
    narrow = graph.linear(f"{layer}.output.dense", active, HIDDEN, 4 * HIDDEN)
    return graph.layer_norm(
        f"{layer}.output.LayerNorm", graph.add("Add", [narrow, attended], f"{layer}.output.residual")
    )


def _attend(graph: GraphWriter, module: str, rows: str) -> str:
    def heads(part: str, order: list[int]) -> str:
        name = f"{module}.self.{part}"
        projected = graph.linear(name, rows, HIDDEN, HIDDEN)
        split = graph.add("Reshape", [projected, "split_shape"], f"{name}.split")
        return graph.add("Transpose", [split], f"{name}.heads", perm=order)

    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    raw = graph.add("MatMul", [query, key], f"{module}.self.raw_scores")
    scaled = graph.add("Mul", [raw, "attention_scale"], f"{module}.self.scaled_scores")
    scores = graph.add("Add", [scaled, "mask_scores"], f"{module}.self.scores")
    shares = graph.add("Softmax", [scores], f"{module}.self.shares", axis=-1)
    mixed = graph.add("MatMul", [shares, value], f"{module}.self.mixed")
    joined = graph.add("Transpose", [mixed], f"{module}.self.joined", perm=[0, 2, 1, 3])
    context = graph.add("Reshape", [joined, "row_shape"], f"{module}.self.context")
    projected = graph.linear(f"{module}.output.dense", context, HIDDEN, HIDDEN)
    return graph.layer_norm(
        f"{module}.output.LayerNorm", graph.add("Add", [projected, rows], f"{module}.output.residual")
    )


def _pool(graph: GraphWriter, rows: str, size: str) -> None:
    """The mean of the token vectors without padding, scaled to length 1."""
    shape = graph.add("Concat", [size, "hidden_shape"], "token_shape", axis=0)
    tokens = graph.add("Reshape", [rows, shape], "tokens")
    mask = graph.add("Unsqueeze", ["attention_mask", "axis_1"], "mask_row")
    total = graph.add("Squeeze", [graph.add("MatMul", [mask, tokens], "totals_row"), "axis_1"], "totals")
    counts = graph.add("ReduceSum", ["attention_mask", "axis_1"], "token_counts", keepdims=1)
    means = graph.add("Div", [total, counts], "means")
    graph.add("LpNormalization", [means], "embeddings", axis=-1, p=2)


def build_model(weights: Path) -> ModelProto:
    """The model for this weights file. onnxruntime checks it whenever it is loaded."""
    return helper.make_model(
        build_graph(*read_header(weights)),
        producer_name="ktx",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )


def graph_bytes(model_directory: Path) -> bytes:
    """The content of the committed file."""
    return build_model(model_directory / WEIGHTS_FILE).SerializeToString(deterministic=True)


if __name__ == "__main__":
    GRAPH_FILE.write_bytes(graph_bytes(Path(sys.argv[1])))
    print(f"{GRAPH_FILE.name}: {GRAPH_FILE.stat().st_size} bytes", file=sys.stderr)
