"""Reads the tables of a database. The driver is imported when a request asks for it."""
