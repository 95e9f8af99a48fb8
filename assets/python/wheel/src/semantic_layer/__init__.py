"""What a SQL query refers to: tables and columns, told from the text alone."""

from semantic_layer.references import (
    ColumnReference,
    QueryReferences,
    SqlError,
    TableReference,
    find_references,
)

__all__ = ["ColumnReference", "QueryReferences", "SqlError", "TableReference", "find_references"]
