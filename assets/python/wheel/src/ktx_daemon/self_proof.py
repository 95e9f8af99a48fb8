"""
How a daemon identifies itself and warms up when it is started for a proof, so that one process can prove everything.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ktx_daemon.compute import Compute

#: Prefix of the line on stdout; the rest is a JSON object.
IDENTITY_PREFIX = "ktx-daemon identity: "


def take_proof_request(environment: MutableMapping[str, str]) -> bool:
    """Whether the starter wants a proof (`KTX_DAEMON_PROOF=1`). Hidden from processes that the daemon starts."""
    return environment.pop("KTX_DAEMON_PROOF", "") == "1"


def say_identity(output: TextIO) -> None:
    """Prints one line with the interpreter's version and environment, after importing both packages of the wheel."""
    import semantic_layer

    assert semantic_layer
    identity = {"prefix": sys.prefix, "version": platform.python_version()}
    print(f"{IDENTITY_PREFIX}{json.dumps(identity)}", file=output, flush=True)


def begin_compute() -> Compute:
    """The SQL service with its process already started: it imports the parser while this process imports the rest."""
    from ktx_daemon.sql.pool import WorkerPool

    pool = WorkerPool()
    pool.warm()
    from ktx_daemon.compute import Compute

    return Compute(pool)
