"""Names of SQL dialects. Importing this module does not import sqlglot."""

from __future__ import annotations

from ktx_daemon.refusals import RefusedError

#: Every dialect that requests may name, by sqlglot's name; the empty name is generic SQL.
DIALECTS = frozenset(
    {
        "", "athena", "bigquery", "clickhouse", "databricks", "doris", "drill", "druid", "duckdb", "exasol", "fabric",
        "hive", "materialize", "mysql", "oracle", "postgres", "presto", "redshift", "risingwave", "singlestore",
        "snowflake", "spark", "spark2", "sqlite", "starrocks", "tableau", "teradata", "trino", "tsql",
    }
)  # fmt: skip

ALIASES = {
    "postgresql": "postgres",
    "sqlserver": "tsql",
    "mssql": "tsql",
    "mariadb": "mysql",
    "bigquery_standard_sql": "bigquery",
}


class UnknownDialectError(RefusedError):
    """Unknown dialect; the message is meant for the caller."""


def resolve_dialect(name: str) -> str:
    """sqlglot's name for a dialect: trimmed, lower-cased, aliases replaced. Raises UnknownDialectError."""
    key = name.strip().lower()
    key = ALIASES.get(key, key)
    if key not in DIALECTS:
        raise UnknownDialectError(f"Unknown SQL dialect: {name}")
    return key
