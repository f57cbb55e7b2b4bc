"""A small application served by `web_worker` with short time limits, for `test_web_worker`."""

import threading

from seedream_site import web_worker

web_worker.HEADER_SECONDS = web_worker.BODY_SECONDS = web_worker.WRITE_SECONDS = 0.2


def application(environ, start_response):
    """Answer the number of threads, or as many bytes as asked for, or close the connection."""
    environ["wsgi.input"].read()
    path = environ["PATH_INFO"]
    body = bytes(50_000_000) if path == "/much" else str(threading.active_count()).encode()
    close = [("Connection", "close")] if path == "/close" else []
    start_response("200 OK", [("Content-Length", str(len(body))), *close])
    return [body]
