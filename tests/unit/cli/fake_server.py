"""A server that says what a test has written down, in memory or on a real port of this host.

What it is sent must fit the API's own bodies.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
from pydantic import TypeAdapter

from tests.unit.cli import documents
from tests.unit.cli.canaries import line_of
from turnout.api.bodies import (
    AnswerBody,
    CancelBody,
    CompareBody,
    DeployBody,
    HoldBody,
    JudgmentBody,
    OperationBody,
    ReleaseBody,
)
from turnout.api.views import Finding, Health, HoldView
from turnout.cli.answers import ClusterView, DeploymentView
from turnout.model.canary.stored import ConfigSummary
from turnout.model.journal import Event
from turnout.model.plan import Plan
from turnout.model.report import Report

OPERATION: TypeAdapter[OperationBody] = TypeAdapter(OperationBody)


@dataclass
class FakeServer:
    """`views` are what it says of the deployment: each look takes the next, the last one stays."""

    views: list[DeploymentView] = field(default_factory=list)
    cluster: ClusterView | None = None
    plan: Plan | None = None
    events: list[Event] = field(default_factory=list)
    problems: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """What it refuses: `METHOD /path` to status and problem document."""
    findings: list[Finding] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    asked: list[httpx2.Request] = field(default_factory=list)
    after_look: Any = None
    """Called after each look at the deployment, with the number of looks."""
    looks: int = 0
    reports: list[Report] = field(default_factory=list)
    """What it says of the canary, in turn."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self.answer)

    def posted(self) -> list[tuple[str, Any]]:
        """What was sent to it: paths and bodies."""
        return [
            (r.url.path.removeprefix("/api/v1"), json.loads(r.content))
            for r in self.asked
            if r.method == "POST"
        ]

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        path = request.url.path.removeprefix("/api/v1")
        problem = self.problems.get(f"{request.method} {path}")
        if problem:
            status, document = problem
            return httpx2.Response(status, json=document)
        for method, pattern, handler in self._routes():
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                answer: httpx2.Response = handler(request, *found.groups())
                return answer
        return _problem(404, "not_found", f"there is no {path}")

    def _routes(self) -> Any:
        return (
            ("GET", "/health", self._health),
            ("GET", "/clusters", self._clusters),
            ("GET", "/clusters/([^/]+)", self._cluster),
            ("POST", "/plans", self._plan),
            ("POST", "/deployments", self._deploy),
            ("POST", "/clusters/([^/]+)/operations", self._operation),
            ("GET", "/deployments", self._deployments),
            ("GET", "/deployments/([^/]+)", self._deployment),
            ("POST", "/deployments/([^/]+)/cancel", self._cancel),
            ("POST", "/deployments/([^/]+)/answer", self._answer),
            ("POST", "/clusters/([^/]+)/hold", self._hold),
            ("POST", "/clusters/([^/]+)/release", self._release),
            ("GET", "/doctor", self._doctor),
            ("GET", "/canaries", self._canaries),
            ("GET", "/canaries/([^/]+)", self._canary),
            ("GET", "/canaries/([^/]+)/page", self._page),
            ("POST", "/canaries/([^/]+)/judgment", self._judgment),
            ("GET", "/canary/configs", self._configs),
            ("POST", "/canary/comparisons", self._compare),
            ("GET", "/events", self._events),
            ("GET", "/groups/([^/]+)/log", self._log),
        )

    def _health(self, request: httpx2.Request) -> httpx2.Response:
        return _json(documents.document(Health(status="ready", version="9.9.9", data_folder="/x")))

    def _clusters(self, request: httpx2.Request) -> httpx2.Response:
        return _json([documents.document(self.cluster)] if self.cluster else [])

    def _cluster(self, request: httpx2.Request, name: str) -> httpx2.Response:
        if self.cluster is None or self.cluster.state.cluster != name:
            return _problem(404, "not_found", f"there is no cluster {name}")
        return _json(documents.document(self.cluster))

    def _plan(self, request: httpx2.Request) -> httpx2.Response:
        assert self.plan
        if request.url.path.endswith("/plans"):
            DeployBody.model_validate_json(request.content)
        return _json(documents.document(self.plan))

    def _operation(self, request: httpx2.Request, cluster: str) -> httpx2.Response:
        if OPERATION.validate_json(request.content).plan_only:
            return self._plan(request)
        return self._accepted()

    def _deploy(self, request: httpx2.Request) -> httpx2.Response:
        DeployBody.model_validate_json(request.content)
        return self._accepted()

    def _cancel(self, request: httpx2.Request, name: str) -> httpx2.Response:
        CancelBody.model_validate_json(request.content)
        return self._accepted()

    def _answer(self, request: httpx2.Request, name: str) -> httpx2.Response:
        AnswerBody.model_validate_json(request.content)
        return self._accepted()

    def _accepted(self) -> httpx2.Response:
        return _json(documents.document(self.views[0].record), 202)

    def _deployments(self, request: httpx2.Request) -> httpx2.Response:
        return _json([documents.document(view.record) for view in self.views])

    def _deployment(self, request: httpx2.Request, name: str) -> httpx2.Response:
        if not self.views or self.views[0].record.id != name:
            return _problem(404, "not_found", f"there is no deployment {name}")
        with self._lock:
            view = self.views[min(self.looks, len(self.views) - 1)]
            self.looks += 1
        if self.after_look:
            self.after_look(self.looks)
        return _json(documents.document(view))

    def _hold(self, request: httpx2.Request, cluster: str) -> httpx2.Response:
        body = HoldBody.model_validate_json(request.content)
        return _json(documents.document(HoldView(cluster=cluster, held=body.reason)))

    def _release(self, request: httpx2.Request, cluster: str) -> httpx2.Response:
        ReleaseBody.model_validate_json(request.content)
        return _json(documents.document(HoldView(cluster=cluster, held="")))

    def _doctor(self, request: httpx2.Request) -> httpx2.Response:
        return _json([documents.document(finding) for finding in self.findings])

    def _canaries(self, request: httpx2.Request) -> httpx2.Response:
        wanted, found = request.url.params, self.reports[:1]
        lines = [line_of(report) for report in found]
        return _json(
            [
                documents.document(line)
                for line in lines
                if wanted.get("cluster", line.cluster) == line.cluster
                and wanted.get("deployment", line.deployment) == line.deployment
            ]
        )

    def _canary(self, request: httpx2.Request, name: str) -> httpx2.Response:
        if not self.reports or self.reports[0].id != name:
            return _problem(404, "not_found", f"there is no analysis {name}")
        report = self.reports[0]
        if len(self.reports) > 1:
            del self.reports[0]
        return _json(documents.document(report))

    def _compare(self, request: httpx2.Request) -> httpx2.Response:
        CompareBody.model_validate_json(request.content)
        finding = {"verdict": "running", "sentence": "has just begun"}
        return _json({"analysis": {"id": self.reports[0].id}, "finding": finding})

    def _page(self, request: httpx2.Request, name: str) -> httpx2.Response:
        return httpx2.Response(200, text="<!doctype html>\n<h1>page</h1>\n")

    def _judgment(self, request: httpx2.Request, name: str) -> httpx2.Response:
        body = JudgmentBody.model_validate_json(request.content)
        return _json({"analysis": name, "at": "2026-01-01T13:00:00Z", **body.model_dump()})

    def _configs(self, request: httpx2.Request) -> httpx2.Response:
        configs = [ConfigSummary(name=n, version=1, metrics=1) for n in ("checkout", "default")]
        return _json([documents.document(config) for config in configs])

    def _events(self, request: httpx2.Request) -> httpx2.Response:
        last = int(request.headers.get("last-event-id", "0"))
        said = ": hello\n\n"
        for event in self.events:
            if event.sequence > last:
                data = event.model_dump_json()
                said += f"id: {event.sequence}\nevent: {event.kind}\ndata: {data}\n\n"
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=said)

    def _log(self, request: httpx2.Request, group: str) -> httpx2.Response:
        if group == "shop-v999":
            return _problem(404, "not_found", f"there is no server group {group}")
        return httpx2.Response(200, text="".join(f"{group}: {line}\n" for line in self.log))


@contextmanager
def listening(fake: FakeServer) -> Iterator[str]:
    """The same server on a port of this host; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("content-length", "0"))
            request = httpx2.Request(
                self.command,
                f"http://fake{self.path}",
                headers=list(self.headers.items()),
                content=self.rfile.read(size),
            )
            answer = fake.answer(request)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _answer  # noqa: N815 - names that the library looks for

        def log_message(self, *said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(document: Any, status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, json=document)


def _problem(status: int, code: str, detail: str, **more: Any) -> httpx2.Response:
    document = {"type": "about:blank", "status": status, "code": code, "detail": detail, **more}
    return httpx2.Response(
        status, headers={"content-type": "application/problem+json"}, content=json.dumps(document)
    )
