"""Loading the engine, and the messages for missing or damaged parts. Needs neither extra nor model."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from ktx_daemon.embeddings import loading
from ktx_daemon.embeddings.model_files import GRAPH, GRAPH_PIN, MODEL_FILES, MODEL_IDENTITY, ModelFiles, PinnedFile
from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError
from ktx_daemon.embeddings.settings import MOST_THREADS, SettingError, count_threads, read_settings

PINS = Path(__file__).parents[4] / "scripts" / "pins.json"
SETUP = "Run: ktx setup --feature local-embeddings --force"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small files in place of the model's, pinned accordingly."""
    contents = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"words"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        pin = PinnedFile(len(content), hashlib.sha256(content).hexdigest())
        monkeypatch.setitem(MODEL_FILES, name, pin)
    return tmp_path


def problem_of(directory: Path) -> str:
    with pytest.raises(EmbeddingsUnavailableError) as caught:
        ModelFiles(directory).verify()
    return str(caught.value)


def test_knows_the_files_of_the_pinned_model() -> None:
    model = json.loads(PINS.read_text("utf-8"))["model"]
    assert {name: PinnedFile(file["bytes"], file["sha256"]) for name, file in model["files"].items()} == MODEL_FILES
    assert MODEL_IDENTITY.startswith(f"all-MiniLM-L6-v2@{model['revision'][:12]}; sha256=53aa5117")


def test_knows_the_graph() -> None:
    content = GRAPH.read_bytes()
    assert PinnedFile(len(content), hashlib.sha256(content).hexdigest()) == GRAPH_PIN


def test_takes_a_complete_folder(model: Path) -> None:
    files = ModelFiles(model)
    files.verify()
    assert files.find_change() is None


def test_says_which_variable_is_not_set() -> None:
    with pytest.raises(EmbeddingsUnavailableError) as caught:
        read_settings({}).require_model()
    assert str(caught.value) == (
        f"no folder with the embedding model is given (KTX_EMBEDDINGS_MODEL_DIR is not set). {SETUP}"
    )


def test_names_the_folder_that_is_not_there(tmp_path: Path) -> None:
    missing = "config.json is missing; model.safetensors is missing; tokenizer.json is missing"
    assert problem_of(tmp_path / "none") == (
        f"the embedding model in {tmp_path / 'none'} is not complete ({missing}). {SETUP}"
    )


def test_names_files_of_another_size(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"partial")
    (model / "model.safetensors").write_bytes(b"part")
    (model / "config.json").unlink()
    problems = "config.json is missing; model.safetensors has 4 bytes instead of 7"
    assert f"in {model} is not complete ({problems}). Run: ktx setup" in problem_of(model)


@pytest.mark.parametrize("name", list(MODEL_FILES))
def test_refuses_a_file_with_one_other_bit(model: Path, name: str) -> None:
    content = bytearray((model / name).read_bytes())
    content[1] ^= 0x10
    (model / name).write_bytes(content)
    assert f"{name} is damaged: its sha256 is {hashlib.sha256(content).hexdigest()[:16]}…" in problem_of(model)


def test_refuses_a_damaged_graph(model: Path, tmp_path: Path) -> None:
    content = bytearray(GRAPH.read_bytes())
    content[1000] ^= 1
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(content)
    with pytest.raises(EmbeddingsUnavailableError, match=r"graph\.onnx is damaged"):
        ModelFiles(model, graph).verify()


@pytest.mark.parametrize("how", ["written to", "cut", "replaced", "removed", "written to with its time set back"])
def test_notices_a_file_that_changes_after_it_was_verified(model: Path, how: str) -> None:
    files = ModelFiles(model)
    files.verify()
    weights = model / "model.safetensors"
    status = weights.stat()
    match how:
        case "cut":
            os.truncate(weights, 3)
        case "removed":
            weights.unlink()
        case "replaced":
            (model / "new").write_bytes(b"weights")
            (model / "new").replace(weights)
        case _:
            weights.write_bytes(b"weighed")
    if how.endswith("set back"):
        os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert files.find_change() == "model.safetensors"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_names_a_file_that_cannot_be_read(model: Path) -> None:
    (model / "tokenizer.json").chmod(0)
    assert "tokenizer.json cannot be read: Permission denied" in problem_of(model)


def test_names_a_folder_in_the_place_of_a_file(model: Path) -> None:
    (model / "tokenizer.json").unlink()
    (model / "tokenizer.json").mkdir()
    assert "tokenizer.json cannot be read: Is a directory" in problem_of(model)


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


@pytest.mark.parametrize("setting", ["0", "-1", "many", "1.5", "1025", "²", "٣", "9" * 5000])
def test_refuses_a_number_of_threads_that_is_none(setting: str) -> None:
    with pytest.raises(SettingError, match=r"^KTX_EMBEDDINGS_THREADS is .* from 1 to 1024, or run: unset KTX_EMB"):
        count_threads({"KTX_EMBEDDINGS_THREADS": setting})


@pytest.mark.parametrize(("setting", "seconds"), [(None, 300), ("0", 0), ("60", 60)])
def test_unloads_after_so_many_seconds(setting: str | None, seconds: int) -> None:
    environ = {} if setting is None else {"KTX_EMBEDDINGS_IDLE_SECONDS": setting}
    assert read_settings(environ).idle_seconds == seconds


def test_names_the_modules_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda name: None if name == "tokenizers" else object())
    with pytest.raises(EmbeddingsUnavailableError) as caught:
        loading.refuse_missing_extra()
    assert str(caught.value) == (
        "the local-embeddings feature is not installed (no module tokenizers). "
        "Run: ktx admin runtime install --feature local-embeddings --yes"
    )
