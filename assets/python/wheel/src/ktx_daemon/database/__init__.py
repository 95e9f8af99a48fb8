"""Reads the tables of a database. The driver is imported on first use."""
