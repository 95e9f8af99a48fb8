"""
Empty: an embedder's package provides the planner, generator and validator of the semantic layer.

The references of a text are found by `ktx_daemon.sql`. `ktx-daemon semantic-query` and related commands say that they
are not included.
"""
