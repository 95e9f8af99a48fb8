"""A real Postgres server for a single test, from the system's packages."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SUPERUSER, PASSWORD = "keeper", "p@ss/wörd: 1"
READER, READER_PASSWORD = "reader", "only-reads"


def find_postgres() -> Path | None:
    """The folder of the server's programs; None if it is not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = installed[-1] if installed else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def postgres_server(authentication: str = "scram-sha-256") -> Iterator[PostgresServer]:
    """Starts a server on a free port and removes it afterwards."""
    programs = find_postgres()
    assert programs
    folder = Path(tempfile.mkdtemp(prefix="ktx-postgres-"))
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)
    server = PostgresServer(programs, folder, user)
    try:
        server.start(authentication)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class PostgresServer:
    """One server with TLS switched on."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs = programs
        self.folder = folder
        self._user = user
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]

    def start(self, authentication: str) -> None:
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD, "utf-8")
        password_file.chmod(0o644)
        login = ["--username", SUPERUSER, "--pwfile", str(password_file)]
        self._run("initdb", "--auth", authentication, "--encoding", "UTF8", "--no-sync", *login, str(self._data))
        certificate = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        key = ["-keyout", str(self._data / "server.key"), "-out", str(self._data / "server.crt")]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *certificate, *key]
        self._spawn(request)
        settings = f"-p {self.port} -c ssl=on -c listen_addresses=localhost -k {self.folder} -c fsync=off"
        log = ["-l", str(self.folder / "log")]
        self._run("pg_ctl", "-D", str(self._data), "-o", settings, *log, "-w", "-t", "120", "start")

    def stop(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    def execute(self, sql: str, database: str = "postgres") -> None:
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        where = ["-h", "localhost", "-p", str(self.port), "-U", SUPERUSER, "-d", database]
        command = [str(self._programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1", *where]
        subprocess.run(command, input=sql.encode(), check=True, env=environment)

    @property
    def certificate(self) -> str:
        """The server's own certificate, readable for the test."""
        copy = self.folder / "root.crt"
        if not copy.exists():
            copy.write_bytes((self._data / "server.crt").read_bytes())
        return str(copy)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        self._spawn([str(self._programs / program), *arguments])

    def _spawn(self, command: Sequence[str]) -> None:
        # Not a pipe: the server would keep it open.
        with (self.folder / "output").open("ab") as output:
            group = {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}
            subprocess.run(command, check=True, stdout=output, stderr=output, cwd="/", **group)
