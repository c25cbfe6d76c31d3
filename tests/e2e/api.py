"""The calls of the HTTP API that the tests need, patient with a server that is being killed."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.e2e.plant import PATIENCE, Plant, PlantError
from turnout.api.views import ClusterView, DeploymentView
from turnout.model.deployment import Status
from turnout.model.journal import DeploymentRecord, Event
from turnout.model.plan import Plan

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # else every client loads all certificates


class Api:
    """One server's API. A refusal is an `ApiError`."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._http = httpx2.AsyncClient(
            base_url=f"{plant.url}/api/v1", timeout=120, trust_env=False, verify=PLAIN
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

    def body(self, text: str, **more: object) -> dict[str, object]:
        """A deployment of this service file, which lies beside the shop's program."""
        document = {"text": text, "folder": str(self._plant.services), "name": "service.yaml"}
        return {"document": document, "by": "e2e", **more}

    async def deploy(self, text: str, **more: object) -> DeploymentRecord:
        """Begin a deployment."""
        answer = await self.ask("POST", "/deployments", self.body(text, **more))
        return DeploymentRecord.model_validate_json(answer)

    async def deploy_with(self, headers: Mapping[str, str], text: str) -> DeploymentRecord:
        """Begin a deployment with headers of one's own."""
        answer = await self._http.post("/deployments", json=self.body(text), headers=dict(headers))
        assert answer.status_code == 202, answer.text
        return DeploymentRecord.model_validate_json(answer.content)

    async def plan(self, text: str, **more: object) -> Plan:
        """What a deployment would do."""
        return Plan.model_validate_json(await self.ask("POST", "/plans", self.body(text, **more)))

    async def operate(self, cluster: str, kind: str, **more: object) -> DeploymentRecord:
        """Begin a single operation."""
        body = {"kind": kind, "by": "e2e", **more}
        answer = await self.ask("POST", f"/clusters/{cluster}/operations", body)
        return DeploymentRecord.model_validate_json(answer)

    async def cancel(self, deployment: str) -> None:
        """Take a deployment back."""
        await self.ask("POST", f"/deployments/{deployment}/cancel", {"by": "e2e"})

    async def release(self, cluster: str) -> None:
        """Let deployments go on after a rollback by hand."""
        await self.ask("POST", f"/clusters/{cluster}/release", {"by": "e2e"})

    async def cluster(self, cluster: str) -> ClusterView:
        """A cluster as it is now."""
        return ClusterView.model_validate_json(await self.ask("GET", f"/clusters/{cluster}"))

    async def deployment(self, deployment: str) -> DeploymentView:
        """What is written about a deployment."""
        found = await self.ask("GET", f"/deployments/{deployment}")
        return DeploymentView.model_validate_json(found)

    async def list_deployments(self, **filters: str) -> list[DeploymentRecord]:
        """Newest first."""
        answer = await self._http.get("/deployments", params=filters)
        return [DeploymentRecord.model_validate(found) for found in answer.json()]

    async def await_end(
        self, deployment: str, within: float = PATIENCE * 2, *, look_every: float = 0.05
    ) -> DeploymentRecord:
        """Wait until a deployment has ended, whatever happens to the server meanwhile."""
        return await self.await_status(deployment, within=within, look_every=look_every)

    async def await_status(
        self,
        deployment: str,
        *wanted: Status,
        within: float = PATIENCE,
        look_every: float = 0.05,
    ) -> DeploymentRecord:
        """Wait until a deployment has one of these statuses (none given: an end)."""
        deadline = time.monotonic() + within
        record: DeploymentRecord | None = None
        while time.monotonic() < deadline:
            record = (await self.deployment(deployment)).record
            if record.status in wanted or (record.status.is_end and not wanted):
                return record
            assert not record.status.is_end, f"{record.status}: {record.sentence} {record.cause}"
            await asyncio.sleep(look_every)
        raise PlantError(
            f"{deployment} is {record and record.status} after {within:g} s:"
            f" {record and record.sentence}\n{self._plant.last_words()}"
        )

    async def events(self, after: int = 0, **filters: str) -> AsyncIterator[Event]:
        """What happens. Ends with the connection, silently."""
        timeout = httpx2.Timeout(10, read=30)
        params = {"after": str(after), **filters}
        try:
            async with self._http.stream(
                "GET", "/events", params=params, timeout=timeout
            ) as answer:
                if answer.status_code != 200:
                    return
                async for line in answer.aiter_lines():
                    name, _, value = line.partition(":")
                    if name == "data":
                        yield Event.model_validate_json(value)
        except httpx2.TransportError:
            return

    async def await_event(self, deployment: str, kind: str, after: int = 0, **data: str) -> Event:
        """Wait until it is told of a deployment. A stream that ends is followed again."""
        async with asyncio.timeout(PATIENCE):
            while True:
                async for event in self.events(after, deployment=deployment):
                    after = event.sequence
                    if event.kind == kind and data.items() <= event.data.items():
                        return event
                await asyncio.sleep(0.05)

    async def await_step(self, deployment: str, operation: str) -> Event:
        """Wait until a step with this operation has begun."""
        return await self.await_event(deployment, "step.started", op=operation)

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """One call; tried again while the server is away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = await self._http.request(method, path, json=body)
            except httpx2.TransportError as error:
                if time.monotonic() > deadline or method != "GET":
                    raise PlantError(f"{method} {path}: {error!r}") from error
            else:
                if answer.status_code != 503 or time.monotonic() > deadline:
                    break
            await asyncio.sleep(0.05)
        if answer.is_error:
            raise ApiError(method, path, answer)
        return answer.content


class ApiError(PlantError):
    """The server refused, with a problem document."""

    def __init__(self, method: str, path: str, answer: httpx2.Response) -> None:
        super().__init__(f"{method} {path}: {answer.status_code} {answer.text}")
        self.status = answer.status_code
        self.problem: dict[str, Any] = answer.json()
