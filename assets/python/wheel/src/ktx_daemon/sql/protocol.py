"""What the daemon and its SQL workers agree on."""

from __future__ import annotations

import os

#: First line of a worker that can work; anything else is a JSON string that says why it cannot.
READY = b"ready"
#: Instead of an answer, before the worker ends: the text needed more than its time.
TIMED_OUT = b"timed out"

#: Between answers: the worker has used processor time since it last spoke.
ALIVE = b"alive"

#: Seconds of processor time that one text may take; for tests only.
TIME_LIMIT_VARIABLE = "KTX_SQL_TIME_LIMIT_SECONDS"
DEFAULT_TIME_LIMIT_SECONDS = 10


def time_limit_seconds() -> float:
    """Processor time that one text may take."""
    wanted = os.environ.get(TIME_LIMIT_VARIABLE, "")
    return float(wanted) if wanted.isdecimal() and int(wanted) > 0 else DEFAULT_TIME_LIMIT_SECONDS


def timed_out_text() -> str:
    """The error text of a text that took too long."""
    return f"SQL analysis took longer than {time_limit_seconds():g} s"


#: The error text of a text that ended its worker in another way.
CRASHED_TEXT = "SQL cannot be analysed: the process that analysed it ended"
