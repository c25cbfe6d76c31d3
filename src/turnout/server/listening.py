"""The API on its socket, within our own event loop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

STREAMS_END_WITHIN = 3
"""Seconds that answers under way get when the server ends."""


class ApiServer(uvicorn.Server):
    """Leaves signals to us: there is more to end than the API, and in order.

    Derived because uvicorn has no other way to say so.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def build_server(app: FastAPI) -> ApiServer:
    """A server that has yet to be run: `serve(sockets=[...])`; ends when `should_exit` is set."""
    return ApiServer(
        uvicorn.Config(
            app,
            access_log=False,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=STREAMS_END_WITHIN,
            ws="none",
        )
    )
