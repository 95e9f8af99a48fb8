"""
SQL analysis: the tables and columns in texts, read-only checks, and parsing of table names.

`service` answers requests and `pool` manages the parsing processes. Only these import sqlglot; nothing that the daemon
imports at start-up does.
"""
