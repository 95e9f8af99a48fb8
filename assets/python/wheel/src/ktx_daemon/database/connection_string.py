"""Parses Postgres connection strings as libpq does, as far as introspection needs them."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

DEFAULT_PORT = 5432
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
}
_URL = re.compile(
    r"postgres(?:ql)?://(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^/?#]*)(?:/(?P<dbname>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_PAIR = re.compile(r"\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?:\s+|$)")


class ConnectionStringError(ValueError):
    """The string is invalid; the message does not quote it."""


@dataclass(frozen=True)
class ConnectionSettings:
    """Where and how to connect. `hosts` are tried in order; a path is the folder of a socket."""

    hosts: list[tuple[str, int]]
    database: str
    user: str
    password: str | None = field(repr=False)
    ssl_mode: str
    ssl_root_certificate: str | None
    ssl_certificate: str | None
    ssl_key: str | None
    options: str | None


def read_connection_string(text: str, environ: Mapping[str, str] = os.environ) -> ConnectionSettings:
    """Settings from `postgresql://…` or `key=value …`; missing ones come from `PG…` variables and defaults."""
    given = _read_url(text.strip()) if "://" in text else _read_pairs(text.strip())
    values = {name: environ[variable] for name, variable in _ENVIRONMENT.items() if environ.get(variable)}
    values.update((name, value) for name, value in given.items() if value)
    user = values.get("user") or getpass.getuser()
    ssl_mode = values.get("sslmode", "prefer")
    if ssl_mode not in SSL_MODES:
        raise ConnectionStringError(f"the connection string has a sslmode that is not one of {', '.join(SSL_MODES)}")
    return ConnectionSettings(
        hosts=_hosts(values.get("hostaddr") or values.get("host") or "localhost", values.get("port", "")),
        database=values.get("dbname") or user,
        user=user,
        password=values.get("password"),
        ssl_mode=ssl_mode,
        ssl_root_certificate=values.get("sslrootcert"),
        ssl_certificate=values.get("sslcert"),
        ssl_key=values.get("sslkey"),
        options=values.get("options"),
    )


def find_secrets(text: str) -> list[str]:
    """The secrets in a connection string, longest first: the string itself, its login and its password."""
    secrets = {text, text.strip()}
    match = _URL.match(text.strip())
    if match and match["login"]:
        login = match["login"]
        password = login.partition(":")[2]
        secrets |= {login, unquote(login), password, unquote(password)}
    try:
        values = _read_url(text.strip()) if "://" in text else _read_pairs(text.strip())
        secrets |= {values.get("password", ""), values.get("sslpassword", "")}
    except ConnectionStringError:
        pass
    return sorted(filter(None, secrets), key=len, reverse=True)


def _read_url(text: str) -> dict[str, str]:
    match = _URL.fullmatch(text)
    if not match:
        raise ConnectionStringError("the connection string is not a postgresql:// address")
    values: dict[str, str] = {}
    user, _, password = (match["login"] or "").partition(":")
    values.update(user=unquote(user), password=unquote(password), dbname=unquote(match["dbname"] or ""))
    hosts, ports = [], []
    for entry in match["hosts"].split(","):
        host, port = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", entry).groups() if ":" in entry else (entry, "")  # type: ignore[union-attr]
        hosts.append(unquote(host.strip("[]")))
        ports.append(port or "")
    values.update(host=",".join(hosts), port=",".join(ports) if any(ports) else "")
    for pair in filter(None, (match["query"] or "").split("&")):
        name, _, value = pair.partition("=")
        values["sslmode" if name == "ssl" and value == "true" else unquote(name)] = (
            "require" if name == "ssl" and value == "true" else unquote(value)
        )
    return values


def _read_pairs(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if not match:
            raise ConnectionStringError("the connection string is neither an address nor a list of key=value")
        value = match[2] if match[2] is not None else match[3]
        values[match[1]] = re.sub(r"\\(.)", r"\1", value)
        position = match.end()
    return values


def _hosts(hosts: str, ports: str) -> list[tuple[str, int]]:
    names, numbers = hosts.split(","), ports.split(",")
    if len(numbers) == 1:
        numbers *= len(names)
    if len(numbers) != len(names):
        raise ConnectionStringError("the connection string has another number of ports than hosts")
    found = []
    for name, number in zip(names, numbers, strict=True):
        if number and not (number.isdecimal() and 0 < int(number) < 65536):
            raise ConnectionStringError("the connection string has a port that is not a number from 1 to 65535")
        found.append((name or "localhost", int(number) if number else DEFAULT_PORT))
    return found
