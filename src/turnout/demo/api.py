"""The few calls of the HTTP API that the demo needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import httpx2

from turnout.api.views import ClusterView, DeploymentView
from turnout.demo.errors import DemoFailed
from turnout.model.journal import DeploymentRecord, Event

_BY = "demo"
_QUIET = 25.0
"""The server gives a sign of life every 10 s."""


class Api:
    """One server. Calls raise `DemoFailed` when refused, `httpx2.TransportError` without answer."""

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

    async def deploy(self, text: str, folder: str) -> DeploymentRecord:
        """Begin a deployment of this service file."""
        document = {"text": text, "folder": folder}
        body = {"document": document, "by": _BY}
        return DeploymentRecord.model_validate_json(await self._ask("POST", "/deployments", body))

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

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        answer = await self._http.request(method, path, json=body)
        for _ in range(20):  # while the server starts again it says so
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.5)
            answer = await self._http.request(method, path, json=body)
        if answer.is_error:
            raise DemoFailed(
                f"The server refused {method} {path} with {answer.status_code}.", (answer.text,)
            )
        return answer.content


async def _parse(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    async for line in lines:
        name, _, value = line.partition(":")
        if name == "data":
            yield Event.model_validate_json(value)
