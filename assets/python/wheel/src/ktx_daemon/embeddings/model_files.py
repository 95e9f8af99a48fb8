"""The files that determine a vector, with their digests. Nothing is computed from a file with different content."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ktx_daemon.embeddings.provider import EmbeddingsUnavailableError

MODEL_NAME = "all-MiniLM-L6-v2"
MODEL_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"

#: Run when a file is missing or damaged: it checks every file and replaces those that differ.
SETUP = "Run: ktx setup --feature local-embeddings --force"


@dataclass(frozen=True)
class PinnedFile:
    """Expected size and digest of a file."""

    size_bytes: int
    sha256: str


#: From the model's repository at the pinned revision.
MODEL_FILES = {
    "config.json": PinnedFile(612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    "model.safetensors": PinnedFile(90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    "tokenizer.json": PinnedFile(466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
}

#: The computation without weights, part of this package.
GRAPH = Path(__file__).with_name("all_minilm_l6_v2.onnx")
GRAPH_PIN = PinnedFile(33_465, "fecd78e0884d90e748eb4e76db52d8935ff7358c4689b44498ce847b128cc589")

#: Sent with every answer. An index that stores it can tell whether its vectors are compatible with new ones.
MODEL_IDENTITY = f"{MODEL_NAME}@{MODEL_REVISION[:12]}; sha256={MODEL_FILES['model.safetensors'].sha256}"

#: Device, inode, size and both timestamps: changes with every write and replacement.
Stamp = tuple[int, int, int, int, int]


class ModelFiles:
    """
    The model in a folder, and the graph.

    `verify` hashes every file; afterwards `find_change` detects modified or replaced files with a few `stat` calls.
    """

    def __init__(self, directory: Path, graph: Path = GRAPH) -> None:
        self.directory = directory
        self.graph = graph
        self._pins = {directory / name: pin for name, pin in MODEL_FILES.items()} | {graph: GRAPH_PIN}
        self._stamps: dict[Path, Stamp] = {}

    def verify(self) -> None:
        """Raises EmbeddingsUnavailableError naming every file that is missing, unreadable or not the pinned one."""
        problems = []
        for path, pin in self._pins.items():
            try:
                self._stamps[path] = _stamp(path)
                problem = _problem(path, pin)
            except FileNotFoundError:
                problem = f"{path.name} is missing"
            except OSError as error:
                problem = f"{path.name} cannot be read: {error.strerror}"
            if problem:
                problems.append(problem)
        if problems:
            raise EmbeddingsUnavailableError(
                f"the embedding model in {self.directory} is not complete ({'; '.join(problems)}). {SETUP}"
            )

    def find_change(self) -> str | None:
        """The name of a file that has changed since `verify` began to read it."""
        for path, stamp in self._stamps.items():
            try:
                if _stamp(path) != stamp:
                    return path.name
            except OSError:
                return path.name
        return None


def _stamp(path: Path) -> Stamp:
    status = os.stat(path)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _problem(path: Path, pin: PinnedFile) -> str | None:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size != pin.size_bytes:
            return f"{path.name} has {size} bytes instead of {pin.size_bytes}"
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != pin.sha256:
        return f"{path.name} is damaged: its sha256 is {actual[:16]}… instead of {pin.sha256[:16]}…"
    return None
