"""
all-MiniLM-L6-v2 on onnxruntime.

`all_minilm_l6_v2.onnx` beside this file is the computation without weights (made by scripts/make_graph.py); they are
read from the official `model.safetensors` where it lies.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

# Before the import: it makes a device id and a database in the user's cache folder otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy
import onnxruntime
from tokenizers import Tokenizer

from ktx_daemon.embeddings.requests import MAX_TEXTS

GRAPH = Path(__file__).with_name("all_minilm_l6_v2.onnx")

#: What the model was trained to read, its two marks included; the rest of a longer text has no influence.
MAX_TOKENS = 256
#: How many texts are computed together. More are no faster and need more memory.
BATCH_SIZE = 16

#: A cut through a text changes at most the pieces of its last word, and a word has no more than 100 pieces.
CUT_MARGIN = 128
#: How many characters of a text are looked at, until they give enough tokens. What has no 256 tokens in a million
#: characters is no text.
CUTS = (4096, 65_536, 1_048_576)


class OnnxProvider:
    """Computes vectors from the model in a folder. Safe to call from several threads."""

    max_batch_size = MAX_TEXTS

    def __init__(self, model_directory: Path, threads: int, batch_size: int = BATCH_SIZE) -> None:
        self._batch_size = batch_size
        self._tokenizer = _load_tokenizer(model_directory / "tokenizer.json")
        self._session = _load_session(model_directory, threads)
        self._run_options = onnxruntime.RunOptions()
        # Gives back after each batch what the largest one needed.
        self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length 1 for each text, in the same order."""
        tokens = [self._tokenize(text) for text in texts]
        # Texts of about one length together: a batch is as wide as its longest text.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        vectors: list[list[float]] = [[]] * len(tokens)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            for index, vector in zip(batch, self._compute([tokens[index] for index in batch]), strict=True):
                vectors[index] = vector
        return vectors

    def _tokenize(self, text: str) -> list[int]:
        # The tokenizer reads a text to its end before it truncates, which takes 5 s and 2 GB for 16 MB.
        for cut in CUTS:
            # The batch form lets other threads run meanwhile, the form for one text does not.
            ids: list[int] = self._tokenizer.encode_batch_fast([text[:cut]])[0].ids
            if len(ids) == MAX_TOKENS + CUT_MARGIN or len(text) <= cut:
                break
        return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]

    def _compute(self, batch: list[list[int]]) -> list[list[float]]:
        shape = (len(batch), max(map(len, batch)))
        input_ids, attention_mask = numpy.zeros(shape, numpy.int64), numpy.zeros(shape, numpy.float32)
        for row, ids in enumerate(batch):
            input_ids[row, : len(ids)] = ids
            attention_mask[row, : len(ids)] = 1
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        (embeddings,) = self._session.run(None, inputs, self._run_options)
        return embeddings.tolist()


def _load_tokenizer(path: Path) -> Tokenizer:
    # The file pads and truncates to 128 tokens, which is not what the model's authors use.
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS + CUT_MARGIN)
    return tokenizer


def _load_session(model_directory: Path, threads: int) -> onnxruntime.InferenceSession:
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    # Errors only: they are thrown, and what it warns of nobody here can act on.
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A plan of its own for every size of batch: 152 MB instead of 89 after 1,800 batches of many sizes (measured).
    options.enable_mem_pattern = False
    for key, value in {
        "session.model_external_initializers_file_folder_path": str(model_directory),
        # The weights stay mapped from the file, which daemons share, instead of being copied for each (43 MB).
        "session.disable_prepacking": "1",
        # A thread without work sleeps: other programs run on this machine.
        "session.intra_op.allow_spinning": "0",
    }.items():
        options.add_session_config_entry(key, value)
    return onnxruntime.InferenceSession(GRAPH.read_bytes(), options, providers=["CPUExecutionProvider"])
