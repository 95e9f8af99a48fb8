"""Starts a SQL worker. Imports next to nothing: a proof starts one before the daemon has loaded anything else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

#: How often a worker that computes says so.
ALIVE_SECONDS = 10.0


def launch_worker(
    environment: Mapping[str, str] | None = None, *, alive_seconds: float = ALIVE_SECONDS
) -> subprocess.Popen[bytes]:
    """A new process of `ktx_daemon.sql.worker`; without an `environment` it has that of this process."""
    return subprocess.Popen(
        # -P: do not import modules from the daemon's working directory.
        [sys.executable, "-P", "-m", "ktx_daemon.sql.worker", str(alive_seconds)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
    )
