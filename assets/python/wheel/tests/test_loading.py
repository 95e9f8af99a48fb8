"""Where the engine comes from, and what it says when something is missing. Needs neither extra nor model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import Serve

from ktx_daemon.embeddings import EmbeddingsUnavailableError, load_provider
from ktx_daemon.embeddings.loading import MODEL_FILES, MOST_THREADS, count_threads, find_model

PINS = Path(__file__).parents[4] / "scripts" / "pins.json"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with files of the right sizes; they take no room."""
    for file, size in MODEL_FILES.items():
        with (tmp_path / file).open("wb") as output:
            output.truncate(size)
    return tmp_path


def problem_of(directory: Path | None) -> str:
    with pytest.raises(EmbeddingsUnavailableError) as caught:
        find_model({"KTX_EMBEDDINGS_MODEL_DIR": str(directory)} if directory else {})
    return str(caught.value)


def test_knows_the_files_of_the_pinned_model() -> None:
    pinned = json.loads(PINS.read_text("utf-8"))["model"]["files"]
    assert {file: entry["bytes"] for file, entry in pinned.items()} == MODEL_FILES


def test_takes_a_complete_folder(model: Path) -> None:
    assert find_model({"KTX_EMBEDDINGS_MODEL_DIR": str(model)}) == model


def test_says_which_variable_is_not_set() -> None:
    assert problem_of(None) == (
        "no folder with the embedding model is given (KTX_EMBEDDINGS_MODEL_DIR is not set). "
        "Run: ktx setup --feature local-embeddings"
    )


def test_names_the_folder_that_is_not_there(tmp_path: Path) -> None:
    missing = "config.json is missing; model.safetensors is missing; tokenizer.json is missing"
    assert problem_of(tmp_path / "none") == (
        f"the embedding model in {tmp_path / 'none'} is not complete ({missing}). "
        "Run: ktx setup --feature local-embeddings"
    )


def test_names_files_of_another_size(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"partial")
    (model / "config.json").unlink()
    problems = "config.json is missing; model.safetensors has 7 bytes instead of 90868376"
    assert f"in {model} is not complete ({problems}). Run: ktx setup" in problem_of(model)


def test_an_incomplete_model_is_a_500_that_says_what_to_do(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ktx_daemon.embeddings.loading.find_spec", lambda name: object())
    monkeypatch.setenv("KTX_EMBEDDINGS_MODEL_DIR", str(tmp_path))
    answer = serve(load_provider).post("/embeddings/compute", {"text": "a"})
    assert answer.status == 500
    assert answer.body["detail"].startswith(f"Daemon request failed: the embedding model in {tmp_path} is not complete")
    assert answer.body["detail"].endswith("Run: ktx setup --feature local-embeddings")


@pytest.mark.parametrize(
    ("setting", "processors", "threads"),
    [(None, 1, 1), (None, 2, 2), (None, 64, MOST_THREADS), ("", 2, 2), ("1", 64, 1), ("12", 2, 12)],
)
def test_computes_with_a_few_threads(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, processors: int, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(processors)), raising=False)
    assert count_threads({} if setting is None else {"KTX_EMBEDDINGS_THREADS": setting}) == threads


def test_counts_processors_where_there_is_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert count_threads({}) == 3


@pytest.mark.parametrize("setting", ["0", "-1", "many", "1.5", "1025", "²"])
def test_refuses_a_number_of_threads_that_is_none(setting: str) -> None:
    with pytest.raises(EmbeddingsUnavailableError, match=r"KTX_EMBEDDINGS_THREADS is .* from 1 to 1024"):
        count_threads({"KTX_EMBEDDINGS_THREADS": setting})
