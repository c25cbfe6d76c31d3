"""The few calls of the HTTP API that the demo needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import httpx2

from turnout.api.views import ClusterView, DeploymentView
from turnout.demo.errors import DemoFailed
from turnout.model.journal import DeploymentRecord, Event

_BY = "demo"

_PATIENCE = 60.0
"""For how many seconds a server is borne that starts, or does not answer."""

_AGAIN = 0.3
_STARTING = 503
_QUIET = 25.0
"""The server gives a sign of life every 10 s."""


class Api:
    """One server. Calls are repeated until it answers; they raise `DemoFailed`."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"{url}/api/v1", timeout=30, trust_env=False, verify=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def deploy(self, text: str, folder: str, *, key: str) -> DeploymentRecord:
        """Begin a deployment of this service file, once for each key."""
        body = {"document": {"text": text, "folder": folder}, "by": _BY}
        return DeploymentRecord.model_validate_json(
            await self._ask("POST", "/deployments", body, {"Idempotency-Key": key})
        )

    async def deployment(self, deployment: str) -> DeploymentView:
        """What is written about a deployment."""
        return DeploymentView.model_validate_json(
            await self._ask("GET", f"/deployments/{deployment}")
        )

    async def cluster(self, cluster: str) -> ClusterView:
        """A cluster as it is now."""
        return ClusterView.model_validate_json(await self._ask("GET", f"/clusters/{cluster}"))

    @asynccontextmanager
    async def events(self, cluster: str) -> AsyncIterator[AsyncIterator[Event]]:
        """What happens to a cluster from now on. Ends with the server."""
        timeout = httpx2.Timeout(10, read=_QUIET)
        async with self._http.stream(
            "GET", "/events", params={"cluster": cluster}, timeout=timeout
        ) as answer:
            yield _parse(answer.aiter_lines())

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = await self._http.request(method, path, json=body, headers=headers)
            except httpx2.TransportError as error:
                said = f"The server does not answer: {str(error) or type(error).__name__}."
            else:
                if answer.is_success:
                    return answer.content
                said = f"The server refused {method} {path}: {answer.text}"
                if answer.status_code != _STARTING:
                    raise DemoFailed(said)
            if time.monotonic() > until:
                raise DemoFailed(said)
            await asyncio.sleep(_AGAIN)


async def _parse(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    async for line in lines:
        name, _, value = line.partition(":")
        if name == "data":
            yield Event.model_validate_json(value)
