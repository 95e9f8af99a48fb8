"""The protocol between the daemon and its SQL workers."""

from __future__ import annotations

import os

#: First line of a worker that is ready; otherwise a JSON string that says why it is not.
READY = b"ready"
#: Sent instead of an answer, before the worker exits: the text exceeded its time limit.
TIMED_OUT = b"timed out"

#: Sent between answers: the worker has used processor time since its last message.
ALIVE = b"alive"

#: Seconds of processor time per text; for tests only.
TIME_LIMIT_VARIABLE = "KTX_SQL_TIME_LIMIT_SECONDS"
DEFAULT_TIME_LIMIT_SECONDS = 10


def time_limit_seconds() -> float:
    """Processor time allowed per text."""
    wanted = os.environ.get(TIME_LIMIT_VARIABLE, "")
    return float(wanted) if wanted.isdecimal() and int(wanted) > 0 else DEFAULT_TIME_LIMIT_SECONDS


def timed_out_text() -> str:
    """The error message for a text that exceeded its time limit."""
    return f"SQL analysis took longer than {time_limit_seconds():g} s"


#: The error message for a text that ended its worker in another way.
CRASHED_TEXT = "SQL cannot be analysed: the process that analysed it ended"
