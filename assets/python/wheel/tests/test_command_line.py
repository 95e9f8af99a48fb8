"""The installed program: `serve-http` and the one-shot commands as real processes."""

from __future__ import annotations

import http.client
import io
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import FakeProvider

from ktx_daemon.embeddings.model_files import MODEL_IDENTITY
from ktx_daemon.one_shot import run_one_shot


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "ktx_daemon", *arguments], input=stdin, capture_output=True, timeout=30
    )


@pytest.fixture
def stop_all() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def serve_http(stop_all: list[subprocess.Popen[bytes]], *arguments: str, **env: str) -> int:
    """Starts the daemon on a free port; returns once it is listening. stdin stays open, since it must not be read."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "ktx_daemon", "serve-http", "--port", str(port), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **env},
    )
    stop_all.append(process)
    assert process.stderr
    for line in process.stderr:
        if b"running on" in line:
            return port
    raise AssertionError("the daemon ended before it listened")


def request(port: int, method: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_serves_health_from_its_environment(stop_all: list[subprocess.Popen[bytes]]) -> None:
    port = serve_http(stop_all, KTX_DAEMON_VERSION="9.9.9", KTX_EMBEDDINGS_MODEL_DIR="")
    assert request(port, "GET", "/health") == (200, {"status": "healthy", "version": "9.9.9"})


def serve_proof(stop_all: list[subprocess.Popen[bytes]], **env: str) -> tuple[subprocess.Popen[bytes], int, str]:
    """A daemon that is to be proven, its port, and its first line."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "ktx_daemon", "serve-http", "--port", str(port)],
        stdout=subprocess.PIPE,
        env={**os.environ, "KTX_DAEMON_PROOF": "1", "KTX_EMBEDDINGS_MODEL_DIR": "", **env},
    )
    stop_all.append(process)
    assert process.stdout
    return process, port, process.stdout.readline().decode()


def test_says_who_it_is_when_it_is_to_be_proven(stop_all: list[subprocess.Popen[bytes]]) -> None:
    _, port, line = serve_proof(stop_all)
    prefix, _, identity = line.partition("identity: ")
    assert prefix == "ktx-daemon "
    assert json.loads(identity) == {"prefix": sys.prefix, "version": platform.python_version()}
    # It listens by then.
    assert request(port, "GET", "/health")[0] == 200


@pytest.mark.parametrize("broken", ["uvicorn", "h11"])
def test_what_any_request_needs_is_proven(
    stop_all: list[subprocess.Popen[bytes]], tmp_path: Path, broken: str
) -> None:
    tmp_path.joinpath(f"{broken}.py").write_text("raise ImportError('made for another machine')")
    process, _, line = serve_proof(stop_all, PYTHONPATH=str(tmp_path))
    assert line == ""
    assert process.wait(60) != 0


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
def test_its_sql_process_gets_neither_the_secret_nor_the_request(stop_all: list[subprocess.Popen[bytes]]) -> None:
    process, _, _ = serve_proof(stop_all, KTX_DAEMON_SECRET="5" * 64)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    for child in children:
        names = {entry.partition(b"=")[0] for entry in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")}
        assert b"PATH" in names
        assert not names & {b"KTX_DAEMON_SECRET", b"KTX_DAEMON_PROOF"}


def test_serves_no_code_execution_even_with_the_flag(stop_all: list[subprocess.Popen[bytes]]) -> None:
    env = {"KTX_DAEMON_VERSION": "", "KTX_EMBEDDINGS_MODEL_DIR": ""}
    port = serve_http(stop_all, "--enable-code-execution", **env)
    assert request(port, "GET", "/health") == (200, {"status": "healthy"})
    assert request(port, "POST", "/code/execute")[0] == 404


def test_health_says_what_computes_before_it_is_loaded(stop_all: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    port = serve_http(stop_all, KTX_EMBEDDINGS_MODEL_DIR=str(tmp_path), KTX_EMBEDDINGS_THREADS="3")
    about = request(port, "GET", "/health")[1]["embeddings"]
    assert about == {
        "model": MODEL_IDENTITY,
        "engine": None,
        "state": "unloaded",
        "settings": {"KTX_EMBEDDINGS_THREADS": "3"},
    }


@pytest.mark.parametrize(("name", "value"), [("KTX_EMBEDDINGS_THREADS", "0"), ("KTX_EMBEDDINGS_IDLE_SECONDS", "soon")])
def test_a_wrong_setting_ends_the_start(name: str, value: str) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "ktx_daemon", "serve-http", "--port", "0"],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert re.fullmatch(
        rf"ktx-daemon: error: {name} is '{value}'. Set a number from \d+ to \d+, or run: unset {name}\n", outcome.stderr
    )


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process on Windows")
def test_logs_no_requests_and_ends_on_sigterm(stop_all: list[subprocess.Popen[bytes]]) -> None:
    port = serve_http(stop_all)
    for _ in range(20):
        request(port, "GET", "/health")
    stop_all[0].terminate()
    _, stderr = stop_all[0].communicate(timeout=30)
    assert b"health" not in stderr
    assert stderr.count(b"\n") < 10


def test_has_the_defaults_of_the_contract() -> None:
    from ktx_daemon.__main__ import build_parser

    arguments = vars(build_parser().parse_args(["serve-http"]))
    assert arguments == {
        "command": "serve-http",
        "host": "127.0.0.1",
        "port": 8765,
        "log_level": "info",
        "enable_code_execution": False,
    }


@pytest.mark.parametrize("level", ["critical", "error", "warning", "info", "debug", "trace"])
def test_takes_every_log_level(level: str) -> None:
    from ktx_daemon.__main__ import build_parser

    assert build_parser().parse_args(["serve-http", "--log-level", level]).log_level == level


@pytest.mark.parametrize(
    "arguments", [[], ["nosuch"], ["serve-http", "--port", "70000"], ["serve-http", "--log-level", "loud"]]
)
def test_refuses_a_wrong_command_line(arguments: list[str]) -> None:
    outcome = run(*arguments)
    assert outcome.returncode == 2
    assert b"usage: ktx-daemon" in outcome.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from ktx_daemon.__main__ import build_parser; build_parser().format_help();"
        "print([name for name in ('fastapi', 'starlette', 'uvicorn', 'sqlglot') if name in sys.modules])"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert outcome.stdout.strip() == "[]"
    assert re.search(rb"serve-http", run("--help").stdout)


@pytest.mark.parametrize(
    ("command", "stdin", "message"),
    [
        ("embedding-compute", b"{", b"Invalid input: input: Invalid JSON"),
        ("embedding-compute", b"{}", b"Invalid input: text: Field required"),
        ("embedding-compute", b'{"text":" "}', b"Empty texts found at indices: 0"),
        ("embedding-compute-bulk", b'{"texts":[]}', b"Invalid input: texts: List should have at least 1 item"),
        ("embedding-compute-bulk", b'{"texts":["a",""]}', b"Empty texts found at indices: 1"),
    ],
)
def test_one_shot_refuses_invalid_input(command: str, stdin: bytes, message: bytes) -> None:
    outcome = run(command, stdin=stdin)
    assert (outcome.returncode, outcome.stdout) == (1, b"")
    assert outcome.stderr.startswith(message)


@pytest.mark.parametrize(
    ("command", "payload", "key"),
    [
        ("embedding-compute", {"text": "ab"}, "embedding"),
        ("embedding-compute-bulk", {"texts": ["ab", "c"]}, "embeddings"),
    ],
)
def test_one_shot_prints_one_json_line(command: str, payload: dict[str, Any], key: str) -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    stdin = io.BytesIO(json.dumps(payload).encode())
    assert run_one_shot(command, stdin, stdout, stderr, FakeProvider) == 0
    assert stdout.getvalue().endswith("\n")
    assert stdout.getvalue().count("\n") == 1
    answer = json.loads(stdout.getvalue())
    assert list(answer) == [key]
    assert answer[key] == ([2.0] * 384 if key == "embedding" else [[2.0] * 384, [1.0] * 384])
    assert stderr.getvalue() == ""


def test_one_shot_says_why_it_cannot_compute() -> None:
    def load() -> FakeProvider:
        raise RuntimeError("no model")

    stdout, stderr = io.StringIO(), io.StringIO()
    assert run_one_shot("embedding-compute", io.BytesIO(b'{"text":"a"}'), stdout, stderr, load) == 1
    assert (stdout.getvalue(), stderr.getvalue()) == ("", "no model\n")


def test_ends_when_its_starter_was_killed_before_it_recorded_it(tmp_path: Path) -> None:
    state, said = tmp_path / "daemon.json", tmp_path / "said"
    starter = f"""
import os, subprocess, sys, time
env = {{**os.environ, "KTX_DAEMON_STATE": {str(state)!r}, "KTX_DAEMON_STARTER": str(os.getpid())}}
with open({str(said)!r}, "wb") as log:
    daemon = subprocess.Popen([sys.executable, "-m", "ktx_daemon", "serve-http", "--port", "0"], stderr=log, env=env)
print(daemon.pid, flush=True)
time.sleep(600)
"""
    for is_recorded in (False, True):
        process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE)
        assert process.stdout
        daemon = int(process.stdout.readline())
        try:
            _wait_until(lambda: b"running on" in said.read_bytes())
            assert _is_running(daemon)
            if is_recorded:
                state.write_text(json.dumps({"pid": daemon}))
            process.kill()
            process.wait()
            if is_recorded:
                time.sleep(2)
                assert _is_running(daemon)
            else:
                _wait_until(lambda: not _is_running(daemon))
        finally:
            process.kill()
            if _is_running(daemon):
                os.kill(daemon, signal.SIGKILL)


def _wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(1200):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it never was")


def _is_running(pid: int) -> bool:
    try:
        # An orphan that has ended may wait to be reaped.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
