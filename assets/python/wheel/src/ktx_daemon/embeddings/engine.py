"""
all-MiniLM-L6-v2 on onnxruntime.

`all_minilm_l6_v2.onnx` beside this file is the computation without weights (made by scripts/make_graph.py); they are
read from the official `model.safetensors` where it lies.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

# Before the import: it makes a device id and a database in the user's cache folder otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy
import onnxruntime
import tokenizers
from tokenizers import Tokenizer

from ktx_daemon.embeddings.model_files import GRAPH_PIN, SETUP, ModelFiles
from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError

#: What the model was trained to read, its two marks included; the rest of a longer text has no influence.
MAX_TOKENS = 256
#: How many texts `embed` takes, and how many of them it computes together. More are no faster and need more memory.
MAX_TEXTS = 100
BATCH_SIZE = 8

#: A cut through a text changes at most the pieces of its last word, and a word has no more than 100 pieces.
CUT_MARGIN = 128
#: How many characters of a text are looked at, until they give enough tokens. What has no 256 tokens in a million
#: characters is no text.
CUTS = (4096, 65_536, 1_048_576)


class ModelChangedError(RuntimeError):
    """A file of the model was written to or replaced after it was verified: load anew."""


class OnnxProvider:
    """Computes vectors from verified files. Safe to call from several threads."""

    max_batch_size = MAX_TEXTS

    def __init__(self, files: ModelFiles, threads: int, batch_size: int = BATCH_SIZE) -> None:
        self._files = files
        self._batch_size = batch_size
        self._tokenizer = _load_tokenizer(files.directory / "tokenizer.json")
        self._session = _load_session(files, threads)
        self._run_options = onnxruntime.RunOptions()
        # Gives back after each batch what the largest one needed.
        self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length 1 for each text, in the same order."""
        tokens = [self.tokenize(text) for text in texts]
        # Texts of about one length together: a batch is as wide as its longest text.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        vectors: list[list[float]] = [[]] * len(tokens)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            for index, vector in zip(batch, self.compute([tokens[index] for index in batch]).tolist(), strict=True):
                vectors[index] = vector
        return vectors

    def refuse_changed_files(self) -> None:
        """Raises ModelChangedError when a file is no longer the one that was verified."""
        changed = self._files.find_change()
        if changed:
            raise ModelChangedError(f"{changed} was changed or replaced since it was verified")

    def tokenize(self, text: str) -> list[int]:
        """The tokens that count, its two marks included."""
        # The tokenizer reads a text to its end before it truncates, which takes 5 s and 2 GB for 16 MB.
        for cut in CUTS:
            # The batch form lets other threads run meanwhile, the form for one text does not.
            ids: list[int] = self._tokenizer.encode_batch_fast([text[:cut]])[0].ids
            if len(ids) == MAX_TOKENS + CUT_MARGIN or len(text) <= cut:
                break
        return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]

    def compute(self, batch: list[list[int]]) -> numpy.ndarray:
        """One row of float32 for each list of tokens. Raises ModelChangedError rather than use changed weights."""
        shape = (len(batch), max(map(len, batch)))
        input_ids, attention_mask = numpy.zeros(shape, numpy.int64), numpy.zeros(shape, numpy.float32)
        for row, ids in enumerate(batch):
            input_ids[row, : len(ids)] = ids
            attention_mask[row, : len(ids)] = 1
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        # Before: reading a mapped file that was cut ends the process. After: what was written meanwhile counts too.
        self.refuse_changed_files()
        (embeddings,) = self._session.run(None, inputs, self._run_options)
        self.refuse_changed_files()
        if not numpy.isfinite(embeddings).all():
            raise RuntimeError("the engine computed a number that is not finite")
        return embeddings


def describe_engine() -> str:
    """The versions that decide the last digits of a vector."""
    return f"onnxruntime/{onnxruntime.__version__} tokenizers/{tokenizers.__version__} graph/{GRAPH_PIN.sha256[:12]}"


def _load_tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise EmbeddingsUnavailableError(f"{path} cannot be loaded: {error}. {SETUP}") from error
    # The file pads and truncates to 128 tokens, which is not what the model's authors use.
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS + CUT_MARGIN)
    return tokenizer


def _load_session(files: ModelFiles, threads: int) -> onnxruntime.InferenceSession:
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    # Errors only: they are thrown, and what it warns of nobody here can act on.
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A plan of its own for every size of batch: 152 MB instead of 89 after 1,800 batches of many sizes (measured).
    options.enable_mem_pattern = False
    for key, value in {
        "session.model_external_initializers_file_folder_path": str(files.directory),
        # The weights stay mapped from the file, which daemons share, instead of being copied for each (43 MB).
        "session.disable_prepacking": "1",
        # A thread without work sleeps: other programs run on this machine.
        "session.intra_op.allow_spinning": "0",
    }.items():
        options.add_session_config_entry(key, value)
    try:
        return onnxruntime.InferenceSession(files.graph.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # The runtime finds the weights' own name there.
        if sys.platform == "linux" and not os.path.exists("/proc/self/fd"):
            raise EmbeddingsUnavailableError(
                "the embedding engine needs /proc, which is not mounted. Run: mount -t proc proc /proc"
            ) from error
        weights = files.directory / "model.safetensors"
        raise EmbeddingsUnavailableError(f"{weights} cannot be loaded: {error}. {SETUP}") from error
