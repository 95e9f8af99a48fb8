"""
SQL analysis: the tables and columns of texts, read-only verdicts, and names of tables.

`service` answers requests and `pool` keeps the processes that parse. Only those import sqlglot; nothing that the daemon
imports when it starts does.
"""
