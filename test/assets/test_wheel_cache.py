"""Wheels are measured from bytes that were verified, whatever the cache or the index holds. Loopback server only."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from locked_files import WheelFile
from wheel_cache import WheelSize, cached_path, measure_wheels


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "a" * 1000)
        archive.writestr("b.txt", "b" * 23)
    return buffer.getvalue()


@pytest.fixture
def index() -> Iterator[tuple[str, dict[str, bytes], list[str]]]:
    """Base address, what is served by path, and the paths that were asked for."""
    served: dict[str, bytes] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(served[self.path])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", served, asked
    server.shutdown()
    server.server_close()
    thread.join()


def offer(index: tuple[str, dict[str, bytes], list[str]], content: bytes, promised: bytes) -> WheelFile:
    base, served, _ = index
    served["/p-1-py3-none-any.whl"] = content
    return WheelFile("p-1-py3-none-any.whl", hashlib.sha256(promised).hexdigest(), f"{base}/p-1-py3-none-any.whl")


def test_measures_file_and_members_and_asks_once(index, tmp_path: Path) -> None:
    wheel = offer(index, zipped(), zipped())
    expected = {wheel.sha256: WheelSize(len(zipped()), 1023)}
    assert measure_wheels([wheel, wheel], tmp_path) == expected
    assert measure_wheels([wheel], tmp_path) == expected
    assert len(index[2]) == 1


def test_refuses_other_bytes_and_leaves_nothing(index, tmp_path: Path) -> None:
    wheel = offer(index, zipped() + b"!", zipped())
    with pytest.raises(ValueError, match=f"the lock says sha256 {wheel.sha256}, the index gave [0-9a-f]{{64}}"):
        measure_wheels([wheel], tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_fetches_again_what_was_altered_in_the_cache(index, tmp_path: Path) -> None:
    wheel = offer(index, zipped(), zipped())
    measure_wheels([wheel], tmp_path)
    cached_path(wheel, tmp_path).write_bytes(b"altered")
    assert measure_wheels([wheel], tmp_path)[wheel.sha256].unpacked_bytes == 1023
    assert cached_path(wheel, tmp_path).read_bytes() == zipped()
