"""Ends a daemon whose starter was killed before recording it, since no one could find it."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

_LOOK_EVERY_SECONDS = 0.5
_MAX_STATE_BYTES = 64 * 1024


def watch_starter(environment: Mapping[str, str], end: Callable[[], None]) -> threading.Thread | None:
    """
    Until the state file (`KTX_DAEMON_STATE`) names this process, calls `end` when the starter is gone.

    The starter (`KTX_DAEMON_STARTER`, a pid) is the parent as long as it is alive. Not on Windows, where the parent's
    pid does not change when the parent ends.
    """
    state, starter = environment.get("KTX_DAEMON_STATE", ""), environment.get("KTX_DAEMON_STARTER", "")
    if not state or not starter.isdecimal() or sys.platform == "win32":
        return None

    def watch() -> None:
        pause = threading.Event()
        while True:
            # In this order: a starter that has just gone may have recorded us before.
            is_alone = os.getppid() != int(starter)
            if _names_this_process(Path(state)):
                return
            if is_alone:
                end()
                return
            pause.wait(_LOOK_EVERY_SECONDS)

    thread = threading.Thread(target=watch, name="starter", daemon=True)
    thread.start()
    return thread


def _names_this_process(state: Path) -> bool:
    try:
        # The path is in a project and may be anything.
        descriptor = os.open(state, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return bool(json.loads(os.read(descriptor, _MAX_STATE_BYTES))["pid"] == os.getpid())
    except (OSError, ValueError, KeyError, TypeError):
        return False
    finally:
        os.close(descriptor)
