"""A service that takes orders; a stand-in for one of your own. python3 alone runs it.

FAILS is the share of orders that it answers with 500, SLOW_MS delays every answer.
"""

from __future__ import annotations

import os
import random
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAILS = float(os.environ.get("FAILS") or 0)
SLOW = float(os.environ.get("SLOW_MS") or 0) / 1000


class Orders(BaseHTTPRequestHandler):
    """/healthz is always fine, as that of many a broken version; everything else is an order."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Take an order."""
        is_probe = self.path == "/healthz"
        if not is_probe:
            time.sleep(SLOW)
        fails = not is_probe and random.random() < FAILS  # noqa: S311 - nothing secret
        body = b"the order is lost\n" if fails else b"ok\n"
        self.send_response(500 if fails else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing about single orders."""


if __name__ == "__main__":
    address = os.environ.get("HOST") or "127.0.0.1", int(os.environ.get("PORT") or 8000)
    ThreadingHTTPServer(address, Orders).serve_forever()
