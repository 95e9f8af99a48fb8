"""The one-shot commands of `ktx_daemon.compute`: one JSON object on stdin, one JSON line on stdout."""

from __future__ import annotations

import asyncio
from typing import BinaryIO, TextIO

from ktx_daemon.compute import ELSEWHERE_COMMANDS, ENDPOINTS, Compute, elsewhere
from ktx_daemon.json_input import read_input


def run_compute_command(
    command: str, stdin: BinaryIO, stdout: TextIO, stderr: TextIO, compute: Compute | None = None
) -> int:
    """
    Runs one command on the input from stdin and returns the exit code.

    On any failure it prints one message to stderr, nothing to stdout, and returns 1.
    """
    payload = stdin.read()
    if command in ELSEWHERE_COMMANDS:
        print(elsewhere(command, ELSEWHERE_COMMANDS[command]), file=stderr)
        return 1
    endpoint = next(endpoint for endpoint in ENDPOINTS if endpoint.command == command)
    try:
        handler = endpoint.handler(compute or Compute())
        answer = asyncio.run(_answer(handler, read_input(payload, endpoint.read)))
    except Exception as error:
        print(" ".join(str(error).split()), file=stderr)
        return 1
    print(answer.decode(), file=stdout)
    return 0


async def _answer(handler, request) -> bytes:  # type: ignore[no-untyped-def]
    return await handler(request)
