"""
The ktx daemon: an HTTP server on the loopback interface, and the same work as one-shot commands.

`ktx_daemon.__main__` is the command line, `ktx_daemon.app` the HTTP interface, `ktx_daemon.embeddings` the work.
Importing this package imports nothing heavy.
"""
