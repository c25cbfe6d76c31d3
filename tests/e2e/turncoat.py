"""A service that is fine until a file appears: then it fails its users. SPOILED names it."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers as the shop does, as far as the tests ask."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """200 with the version; 500 once the file is there."""
        is_bad = self.path != "/healthz" and Path(os.environ["SPOILED"]).exists()
        content = f'{{"version": "{os.environ["VERSION"]}"}}'.encode()
        self.send_response(500 if is_bad else 200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
        """Nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
