"""What routes are given: the backend, once the server is ready."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from turnout.api.backend import Backend, Entrance


def _entrance(request: Request) -> Entrance:
    entrance: Entrance = request.app.state.entrance
    return entrance


def _backend(request: Request) -> Backend:
    return _entrance(request).backend


TheEntrance = Annotated[Entrance, Depends(_entrance)]
TheBackend = Annotated[Backend, Depends(_backend)]
