"""The real engine with the real model. `npm run assets:test` provides both."""

from __future__ import annotations

import itertools
import json
import math
import os
import random
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Serve
from embedding_engine import REFERENCES, TOLERANCE, deviation, needs_engine

from ktx_daemon.embeddings.loading import load_provider
from ktx_daemon.embeddings.model_files import ModelFiles
from ktx_daemon.embeddings.provider import DIMENSIONS
from ktx_daemon.embeddings.settings import read_settings

if TYPE_CHECKING:
    from ktx_daemon.embeddings.engine import OnnxProvider

pytestmark = needs_engine
TEXTS = list(REFERENCES)


@pytest.fixture(scope="module")
def model() -> Path:
    return read_settings(os.environ).require_model()


@pytest.fixture(scope="module")
def make(model: Path) -> Callable[..., OnnxProvider]:
    from ktx_daemon.embeddings.engine import OnnxProvider

    return lambda **options: OnnxProvider(ModelFiles(model), **{"threads": 2, **options})


@pytest.fixture(scope="module")
def engine(make: Callable[..., OnnxProvider]) -> OnnxProvider:
    return make()


def worst_deviation(engine: OnnxProvider, texts: list[str]) -> float:
    vectors = engine.embed(texts)
    assert len(vectors) == len(texts)
    return max(deviation(vector, REFERENCES[text]) for text, vector in zip(texts, vectors, strict=True))


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_gives_the_reference_vector_of_one_text(engine: OnnxProvider, text: str) -> None:
    assert worst_deviation(engine, [text]) < TOLERANCE


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 16, 100])
def test_gives_the_reference_vectors_in_any_order_with_any_batch_size(
    make: Callable[..., OnnxProvider], batch_size: int
) -> None:
    engine = make(batch_size=batch_size)
    for seed in range(2):
        texts = random.Random(seed).sample(TEXTS, len(TEXTS))
        assert worst_deviation(engine, texts) < TOLERANCE
    assert worst_deviation(engine, TEXTS * 2) < TOLERANCE


def test_computes_100_texts_in_batches_of_8_of_about_one_length(
    engine: OnnxProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[list[int]] = []
    compute = engine.compute

    def watched(batch: list[list[int]]) -> Any:
        sizes.append([len(ids) for ids in batch])
        return compute(batch)

    monkeypatch.setattr(engine, "compute", watched)
    engine.embed(["word " * (1 + 7 * index % 100) for index in range(100)])
    assert [len(batch) for batch in sizes] == [8] * 12 + [4]
    assert list(itertools.chain(*sizes)) == sorted(itertools.chain(*sizes))


def test_what_comes_after_256_tokens_has_no_influence(engine: OnnxProvider) -> None:
    # 254 words of one token each, and the two marks.
    full = "order " * 254
    same, same_in_bulk, longer, shorter = engine.embed([full, full, full + "customer " * 50, "order " * 253])
    assert same == same_in_bulk == longer
    assert deviation(same, shorter) > TOLERANCE


@pytest.mark.parametrize("seed", range(20))
def test_a_long_text_is_read_as_far_as_it_counts(engine: OnnxProvider, model: Path, seed: int) -> None:
    from tokenizers import Tokenizer

    whole = Tokenizer.from_file(str(model / "tokenizer.json"))
    whole.no_padding()
    whole.enable_truncation(256)
    source = random.Random(seed)
    words = [
        "order",
        "customer_id",
        "naïve",
        "数据仓库",
        "e\u0301",
        "[SEP]",
        "[MASK",
        "🙂",
        "ß",
        "x" * 150,
        "\t\n",
        "\u200b",
    ]
    spaces = ["", " ", " ", "   ", " " * 500]
    text = "".join(source.choice(words) + source.choice(spaces) for _ in range(source.choice([300, 1500, 9000])))
    assert engine.tokenize(text) == whole.encode(text).ids


@pytest.mark.parametrize("visible", range(1, 16))
def test_a_word_that_the_cut_goes_through_is_read_to_its_end(engine: OnnxProvider, visible: int) -> None:
    from ktx_daemon.embeddings.pieces import PIECE_CHARACTERS

    # The cut leaves `visible` characters of a word that starts as the last of 254 tokens.
    start = "order " * 253
    blanks = " " * (PIECE_CHARACTERS - len(start) - visible)
    assert engine.tokenize(start + blanks + "warehousekeepers") == engine.tokenize(start + "warehousekeepers")


@pytest.fixture(scope="module")
def whole(model: Path) -> Any:
    """The tokenizer of the model, which reads a text all at once."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


LONG_TEXTS = {
    "one word": "a" * 300_000,
    "one word of emoji": "🙂" * 100_000 + " end",
    "words of 100 and 101 letters": " ".join("a" * length + " 6" for length in (99, 100, 101, 102))
    + " " * 9000
    + "b" * 100,
    "nothing": "\u200b" * 300_000,
    "a word full of nothing": "ware" + "\u200b" * 200_000 + "house " + "\x00" * 200_000 + "keepers",
    "blanks": " \t\n\u3000" * 50_000 + "end",
    "combining marks": "e" + "\u0301" * 200_000 + "\u0300n\u0303d",
    "combining marks that stay, in any order": ("a" + "\u0301\u302e\u0323\U0001d165" * 3000 + " b ") * 9,
    "letters of several characters": "\ufdfa" * 40_000,
    "syllables": "한국어" * 30_000,
    "capitals that become two characters": "İ" * 90 + " " + "ẞ" * 60_000,
    "final sigma": "ΟΔΟΣ" * 30 + " ΟΔΟΣ. " + " " * 9000 + "ΟΔΟΣ",
    "almost special": "[MASK" * 2000 + "[" * 50_000,
    "special in a word": "x" * 4094 + "[SEP]" + "y" * 4094 + "[CLS][PAD]" + "z" * 9000 + "[UNK]",
}


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
def test_a_text_has_the_same_tokens_piece_by_piece(
    engine: OnnxProvider, whole: Any, monkeypatch: pytest.MonkeyPatch, text: str, size: int
) -> None:
    from ktx_daemon.embeddings import pieces

    monkeypatch.setattr(pieces, "PIECE_CHARACTERS", size)
    part = text if size > 100 else text[: 3000 * size]
    tokens = whole.encode(part).ids
    assert engine._pieces.tokenize(part, len(part)) == tokens[1:-1]
    assert engine.tokenize(part) == (tokens if len(tokens) <= 256 else [*tokens[:255], tokens[-1]])


def test_every_character_has_the_same_tokens_piece_by_piece(
    engine: OnnxProvider, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ktx_daemon.embeddings import pieces

    monkeypatch.setattr(pieces, "PIECE_CHARACTERS", 17)
    # Planes from 2 on have ideographs and private use, which are all alike.
    codes = [*range(0x20000), *range(0x20000, sys.maxunicode + 1, 97)]
    characters = [chr(code) for code in codes if not 0xD800 <= code <= 0xDFFF]
    for start in range(0, len(characters), 20_000):
        for between in ("", " ", "x"):
            text = between.join(characters[start : start + 20_000])
            assert engine._pieces.tokenize(text, len(text)) == whole.encode(text).ids[1:-1]


def test_marks_that_the_normalizer_leaves_are_in_no_token(whole: Any) -> None:
    # Cutting between them could change their order.
    kept = {
        c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.combining(c) and unicodedata.category(c) != "Mn"
    }
    assert kept
    assert not kept.intersection(itertools.chain.from_iterable(whole.get_vocab()))


ODD_TEXTS = [
    "\x00",
    "\u200b",
    "\u0301",
    "\u00ad",
    "\ufffd",
    "[PAD]",
    "[SEP]",
    "a" * 70_000,
    "🙂" * 5000,
    "ﷺ" * 300,
    "한국어" * 400,
]


@pytest.mark.parametrize("text", ODD_TEXTS, ids=lambda text: f"{len(text)} of {text[:1]!a}")
def test_every_text_has_a_finite_vector_of_length_1(engine: OnnxProvider, text: str) -> None:
    for vector in engine.embed([text, "hello world", text]):
        assert len(vector) == DIMENSIONS
        assert all(map(math.isfinite, vector))
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)


def test_the_same_texts_give_the_same_numbers(make: Callable[..., OnnxProvider], engine: OnnxProvider) -> None:
    first = engine.embed(TEXTS)
    assert engine.embed(TEXTS) == first
    assert make().embed(TEXTS) == first


def test_8_threads_at_once_get_what_one_gets(engine: OnnxProvider) -> None:
    portions = [TEXTS[start::8] * 5 for start in range(8)]
    expected = [engine.embed(portion) for portion in portions]
    results: dict[int, list[list[list[float]]]] = {number: [] for number in range(8)}
    start = threading.Barrier(8)

    def compute(number: int) -> None:
        start.wait(10)
        for _ in range(3):
            results[number].append(engine.embed(portions[number]))

    threads = [threading.Thread(target=compute, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {number: [expected[number]] * 3 for number in range(8)}


def test_answers_over_http(serve: Serve) -> None:
    client = serve(load_provider)
    single = client.post("/embeddings/compute", {"text": TEXTS[0]})
    assert (single.status, list(single.body)) == (200, ["embedding"])
    assert deviation(single.body["embedding"], REFERENCES[TEXTS[0]]) < TOLERANCE

    bulk = client.post("/embeddings/compute-bulk", {"texts": TEXTS})
    assert (bulk.status, list(bulk.body)) == (200, ["embeddings"])
    for vector, reference in zip(bulk.body["embeddings"], REFERENCES.values(), strict=True):
        assert len(vector) == 384
        assert deviation(vector, reference) < TOLERANCE


@pytest.mark.parametrize("command", ["embedding-compute", "embedding-compute-bulk"])
def test_answers_one_shot_and_prints_nothing_else(command: str) -> None:
    is_bulk = command.endswith("bulk")
    request = {"texts": TEXTS[:3]} if is_bulk else {"text": TEXTS[0]}
    result = subprocess.run(
        [sys.executable, "-m", "ktx_daemon", command], input=json.dumps(request).encode(), capture_output=True
    )
    assert (result.returncode, result.stderr) == (0, b"")
    answer = json.loads(result.stdout)
    vectors = answer["embeddings"] if is_bulk else [answer["embedding"]]
    assert len(vectors) == (3 if is_bulk else 1)
    for vector, text in zip(vectors, TEXTS, strict=False):
        assert deviation(vector, REFERENCES[text]) < TOLERANCE


def test_half_an_emoji_is_read_as_a_replacement_character(serve: Serve, engine: OnnxProvider) -> None:
    # The result of `"a 🙂".slice(0, 3)` and JSON.stringify in JavaScript.
    body = b'{"texts":["a \\ud83d","a \\ud83d\\ude42"]}'
    client = serve(load_provider)
    answer = client.send("POST", "/embeddings/compute-bulk", body, {"content-type": "application/json"})
    assert answer.status == 200
    assert answer.body["embeddings"] == engine.embed(["a \ufffd", "a 🙂"])


#: Runs in its own process, whose memory nothing else uses.
MEASURED = """
import os, random, sys
from ktx_daemon.embeddings.loading import load_provider
def status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key))
def megabytes(key):
    return status(key) // 1024
engine = load_provider()
words = ["order", "customer", "naïve", "revenue", "数据", "join"]
source = random.Random(1)
def bulk(texts, longest):
    return [" ".join(source.choices(words, k=source.randint(1, longest))) for _ in range(texts)]
"""


def measured(script: str, **env: str) -> list[int]:
    result = subprocess.run(
        [sys.executable, "-c", MEASURED + script], capture_output=True, text=True, env={**os.environ, **env}
    )
    assert (result.returncode, result.stderr) == (0, "")
    return [int(number) for number in result.stdout.split()]


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@on_linux
def test_memory_stays_flat_over_200_bulks() -> None:
    early, late, peak = measured("""
for count in range(200):
    engine.embed(bulk(4, 40))
    if count == 20:
        print(megabytes("RssAnon"))
print(megabytes("RssAnon"), megabytes("VmHWM"))
""")
    assert late - early < 6
    assert peak < 300


@on_linux
def test_gives_back_what_the_largest_batch_needed() -> None:
    before, after = measured("""
engine.embed(bulk(16, 40))
print(megabytes("RssAnon"))
engine.embed(["order " * 300] * 16)
print(megabytes("RssAnon"))
""")
    assert after - before < 40


@on_linux
def test_keeps_the_weights_in_the_file_instead_of_a_copy() -> None:
    # 90 MB are mapped; private memory is only libraries and vocabulary.
    (own,) = measured('print(megabytes("RssAnon"))')
    assert own < 70


@on_linux
@pytest.mark.parametrize("text", ["order ", "a", "🙂", "\\u200b", "数", "a" * 99 + " "])
def test_a_text_of_any_length_takes_no_more_memory(text: str) -> None:
    before, after = measured(f"""
text = "{text}" * (2**20 // len("{text}"))
engine.embed(["order " * 300])
print(megabytes("VmHWM"))
engine.embed([text])
print(megabytes("VmHWM"))
""")
    assert after - before < 8


@on_linux
@pytest.mark.parametrize("threads", [1, 3])
def test_starts_as_many_threads_as_it_was_told(threads: int) -> None:
    script = """
import threading
import unicodedata
print(status("Threads"))
engine.embed(bulk(100, 20))
print(status("Threads"))
"""
    loaded, used = measured(script, KTX_EMBEDDINGS_THREADS=str(threads))
    # onnxruntime may have one additional thread.
    assert loaded == used
    assert threads <= used <= threads + 1
