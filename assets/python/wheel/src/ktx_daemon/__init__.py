"""
The ktx daemon: an HTTP server on the loopback interface, and the same work as one-shot commands.

`ktx_daemon.__main__` is the command line, `ktx_daemon.app` the HTTP interface. The work is in `ktx_daemon.embeddings`,
`ktx_daemon.sql` and `ktx_daemon.database`; `ktx_daemon.compute` lists the requests of the last two.
Importing this package imports nothing heavy.
"""
