"""
How a daemon identifies itself and warms up when it is started for a proof, so that one process can prove everything.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, TextIO

from ktx_daemon.sql.launch import launch_worker

if TYPE_CHECKING:
    from subprocess import Popen

    from ktx_daemon.compute import Compute

#: Prefix of the line on stdout; the rest is a JSON object.
IDENTITY_PREFIX = "ktx-daemon identity: "


def begin_proof(environment: MutableMapping[str, str]) -> Popen[bytes] | None:
    """
    If the starter wants a proof (`KTX_DAEMON_PROOF=1`), the process that will analyse its statement, which imports the
    parser while this process imports the rest.

    The request is removed from the environment: processes that the daemon starts do not get it. The first of them does
    not get the secret either, which this process still has to take.
    """
    if environment.pop("KTX_DAEMON_PROOF", "") != "1":
        return None
    return launch_worker({name: value for name, value in environment.items() if name != "KTX_DAEMON_SECRET"})


def warm_compute(worker: Popen[bytes]) -> Compute:
    """The SQL service with its process already started."""
    from ktx_daemon.compute import Compute
    from ktx_daemon.sql.pool import WorkerPool

    pool = WorkerPool()
    pool.warm(worker)
    return Compute(pool)


def say_identity(output: TextIO) -> None:
    """
    Prints one line with the interpreter's version and environment. Called when the daemon listens, so the line also
    says that it can be asked; by then both packages of the wheel are imported.
    """
    import json

    import semantic_layer

    assert semantic_layer
    identity = {"prefix": sys.prefix, "version": sys.version.split()[0]}
    print(f"{IDENTITY_PREFIX}{json.dumps(identity)}", file=output, flush=True)
