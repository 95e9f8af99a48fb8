"""Command line of the daemon: `ktx-daemon serve-http`, and one-shot commands that answer a single request."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from subprocess import Popen

# No other imports here: `--help` must not load a server, and the process of a proof is started before anything else.

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
#: Commands of `ktx_daemon.compute_command`, with their help.
COMPUTE_COMMANDS = {
    "sql-analyze-batch": "read one JSON object with `dialect` and `items` on stdin, print what each refers to",
    "sql-validate-read-only": "read one JSON object with `dialect` and `sql` on stdin, print whether it only reads",
    "sql-parse-table-identifier": "read one JSON object with `items` on stdin, print the parts of each table name",
    "database-introspect": "read one JSON object with `connection_id` and `url` on stdin, print the database's tables",
    "semantic-query": "not in this package",
    "semantic-validate": "not in this package",
    "semantic-generate-sources": "not in this package",
    "lookml-parse": "not in this package",
}
LOG_LEVELS = ("critical", "error", "warning", "info", "debug", "trace")


def build_parser() -> argparse.ArgumentParser:
    """The command line parser."""
    import argparse

    parser = argparse.ArgumentParser(prog="ktx-daemon", description="The Python part of ktx.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve-http", help="serve the HTTP interface until stopped", allow_abbrev=False)
    serve.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", default=DEFAULT_PORT, type=_port, help="port to listen on (default: %(default)s)")
    serve.add_argument("--log-level", default="info", choices=LOG_LEVELS, help="default: %(default)s")
    serve.add_argument(
        "--enable-code-execution", action="store_true", help="accepted; code execution is not implemented"
    )

    commands.add_parser("embedding-compute", help="read one JSON object with `text` on stdin, print its embedding")
    commands.add_parser(
        "embedding-compute-bulk", help="read one JSON object with `texts` on stdin, print their embeddings"
    )
    for command, text in COMPUTE_COMMANDS.items():
        commands.add_parser(command, help=text)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """
    Runs one command and returns the exit code.

    Raises SystemExit for an invalid command line (2) and, from uvicorn, for an address that cannot be bound (1).
    """
    given = sys.argv[1:] if argv is None else argv
    worker = None
    if given[:1] == ["serve-http"]:
        # Imports leave nothing to collect, and looking for it takes a tenth of their time.
        gc.disable()
        from ktx_daemon.self_proof import begin_proof

        worker = begin_proof(os.environ)
    arguments = build_parser().parse_args(argv)
    if arguments.command == "serve-http":
        return _serve_http(arguments, worker)

    if arguments.command in COMPUTE_COMMANDS:
        from ktx_daemon.compute_command import run_compute_command

        return run_compute_command(arguments.command, sys.stdin.buffer, sys.stdout, sys.stderr)

    from ktx_daemon.one_shot import run_one_shot

    return run_one_shot(arguments.command, sys.stdin.buffer, sys.stdout, sys.stderr)


def _serve_http(arguments: argparse.Namespace, worker: Popen[bytes] | None) -> int:
    from ktx_daemon.embeddings.settings import SettingError, read_settings
    from ktx_daemon.proof import SecretError, take_secret

    if arguments.enable_code_execution:
        print("ktx-daemon: --enable-code-execution has no effect: code execution is not implemented", file=sys.stderr)
    try:
        settings = read_settings(os.environ)
        secret, is_strict = take_secret(os.environ)
    except (SettingError, SecretError) as error:
        print(f"ktx-daemon: error: {error}", file=sys.stderr)
        return 1

    from ktx_daemon.app import create_app
    from ktx_daemon.embeddings.queue import EmbeddingQueue
    from ktx_daemon.self_proof import say_identity, warm_compute
    from ktx_daemon.server import make_server
    from ktx_daemon.starter import watch_starter

    queue = EmbeddingQueue(idle_seconds=settings.idle_seconds)
    app = create_app(
        queue,
        version=os.environ.get("KTX_DAEMON_VERSION"),
        secret=secret,
        is_strict=is_strict,
        settings=settings,
        compute=warm_compute(worker) if worker else None,
    )
    server = make_server(app, queue.drain, host=arguments.host, port=arguments.port, log_level=arguments.log_level)
    if worker:
        server.on_listening = lambda: say_identity(sys.stdout)

    def end() -> None:
        server.should_exit = True

    watch_starter(os.environ, end)
    gc.freeze()
    gc.enable()
    server.run()
    return 0 if server.started else 1


def _port(text: str) -> int:
    import argparse

    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port: 0 to 65535")
    return port


if __name__ == "__main__":
    sys.exit(main())
