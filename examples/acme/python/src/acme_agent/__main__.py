"""`acme-agent serve-http` answers `/health`; `acme-agent ask` answers a question."""

import argparse
import importlib.util
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from packaging.version import Version


class Handler(BaseHTTPRequestHandler):
    """Answers `/health` with the version that the starter gave."""

    def do_GET(self) -> None:
        """One address, one answer."""
        if self.path != "/health":
            self.send_error(404)
            return
        body = json.dumps({"status": "healthy", "version": os.environ["KTX_DAEMON_VERSION"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing is logged."""


def answer(question: str) -> str:
    """The newer of two versions, as a table where the extra is installed."""
    newest = str(max(question.split(), key=Version, default=""))
    if importlib.util.find_spec("tabulate") is None:
        return newest
    from tabulate import tabulate

    return tabulate([[question, newest]], headers=["question", "newest"], disable_numparse=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="acme-agent")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve-http")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, required=True)
    serve.add_argument("--log-level")
    ask = commands.add_parser("ask")
    ask.add_argument("question")
    arguments = parser.parse_args()
    if arguments.command == "ask":
        print(answer(arguments.question))
    else:
        ThreadingHTTPServer((arguments.host, arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
