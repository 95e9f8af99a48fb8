"""The references of one text, in the format of the answers."""

from __future__ import annotations

from typing import Any

from ktx_daemon.sql.catalog import Catalog
from ktx_daemon.sql.parsing import SqlTextError, nested_too_deeply, parse_text
from ktx_daemon.sql.statements import StatementReader


def analyse(sql: str, dialect: str, catalog: Catalog | None = None) -> dict[str, Any]:
    """Tables and columns of a text. Never raises: a text that cannot be analysed has a result with `error`."""
    try:
        return _analyse(sql, dialect, catalog)
    except SqlTextError as error:
        return failed(str(error))
    except RecursionError:
        return failed(nested_too_deeply())
    except MemoryError:
        return failed("SQL cannot be analysed: there is not enough memory")
    except Exception as error:
        return failed(f"SQL cannot be analysed: its structure is not known ({type(error).__name__})")


def failed(message: str) -> dict[str, Any]:
    """The result for a text that cannot be analysed."""
    return {"tables_touched": [], "columns_by_clause": {}, "error": message}


def _analyse(sql: str, dialect: str, catalog: Catalog | None) -> dict[str, Any]:
    statements = parse_text(sql, dialect).statements
    if not statements:
        raise SqlTextError("SQL contains no statement")
    reader = StatementReader(sql, dialect)
    for statement in statements:
        reader.read_statement(statement)
    tables = reader.found.tables_in_order()
    if catalog:
        tables = list(dict.fromkeys(entry for table in tables for entry in catalog.resolve(table)))
    return {
        "tables_touched": [{"catalog": table.catalog, "db": table.db, "name": table.name} for table in tables],
        "columns_by_clause": reader.found.columns_in_order(),
        "error": None,
    }
