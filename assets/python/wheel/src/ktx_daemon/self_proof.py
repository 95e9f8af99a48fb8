"""What the daemon says of itself and begins early when it is started to be proven: one process shows all there is to show."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from ktx_daemon.compute import Compute

#: The line on stdout begins so; the rest is a JSON object.
IDENTITY_PREFIX = "ktx-daemon identity: "


def take_proof_request(environment: MutableMapping[str, str]) -> bool:
    """Whether the starter wants a proof (`KTX_DAEMON_PROOF=1`). Processes that the daemon starts do not see it."""
    return environment.pop("KTX_DAEMON_PROOF", "") == "1"


def say_identity(output: TextIO) -> None:
    """One line with the interpreter's version and environment, once both packages of the wheel have been imported."""
    import semantic_layer

    assert semantic_layer
    identity = {"prefix": sys.prefix, "version": platform.python_version()}
    print(f"{IDENTITY_PREFIX}{json.dumps(identity)}", file=output, flush=True)


def begin_compute() -> Compute:
    """What answers SQL, its process started: that one imports the parser while this one imports the rest."""
    from ktx_daemon.sql.pool import WorkerPool

    pool = WorkerPool()
    pool.warm()
    from ktx_daemon.compute import Compute

    return Compute(pool)
