"""The HTTP API as Python calls. The only file that sends requests, and translates its errors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from turnout.cli.errors import CommandError, Unreachable
from turnout.cli.exits import Exit, of_http

Json = Any
"""A document as it came: what `-o json` prints is what the server said."""

_CONNECT = 3.0
_ANSWER = 30.0
_LONG = 330.0
"""What the server calculates, or asks other systems."""
_STARTING = 15.0
"""For how many seconds a server is waited for that says that it starts."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Client:
    """Speaks to one server. Calls raise `Unreachable`, or `CommandError` when it refuses."""

    def __init__(
        self,
        url: str,
        token: str = "",
        transport: httpx2.BaseTransport | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        self.url = url
        self._patience = _STARTING if timeout is None else 0.0
        self._longest = timeout or _LONG
        self._connect = timeout or _CONNECT
        parts = _split(url)
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {_sendable(token)}"
        self._http = httpx2.Client(
            base_url=f"{url}/api/v1",
            headers=headers,
            transport=transport,
            timeout=httpx2.Timeout(timeout or _ANSWER, connect=self._connect),
            # Certificates take longer to load than a command to run; plain HTTP needs none.
            verify=parts.scheme == "https",
            # A proxy of the environment cannot reach this machine's loopback.
            trust_env=parts.hostname not in _LOOPBACK,
        )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    # --- reading ---

    def health(self) -> Json:
        """GET /health."""
        return self._ask("GET", "/health")

    def clusters(self) -> Json:
        """GET /clusters."""
        return self._ask("GET", "/clusters")

    def cluster(self, cluster: str) -> Json:
        """GET /clusters/{cluster}."""
        return self._ask("GET", f"/clusters/{_part(cluster)}")

    def deployments(self, **wanted: str | int | None) -> Json:
        """GET /deployments, newest first."""
        wishes = {name: str(value) for name, value in wanted.items() if value is not None}
        return self._ask("GET", "/deployments", params=wishes)

    def deployment(self, deployment: str) -> Json:
        """GET /deployments/{id}: the record with steps, splits and checks."""
        return self._ask("GET", f"/deployments/{_part(deployment)}")

    def doctor(self) -> Json:
        """GET /doctor."""
        return self._ask("GET", "/doctor")

    def canaries(self, **wanted: str | int | None) -> Json:
        """GET /canaries, newest first."""
        wishes = {name: str(value) for name, value in wanted.items() if value is not None}
        return self._ask("GET", "/canaries", params=wishes)

    def canary(self, canary: str) -> Json:
        """GET /canaries/{id}: its report."""
        return self._ask("GET", f"/canaries/{_part(canary)}")

    def canary_page(self, canary: str) -> str:
        """GET /canaries/{id}/page: HTML."""
        path = f"/canaries/{_part(canary)}/page"
        with self._stream(path, {}, quiet=_ANSWER) as lines:
            return "\n".join(lines) + "\n"

    def configs(self) -> Json:
        """GET /canary/configs."""
        return self._ask("GET", _CONFIGS)

    def config(self, name: str, version: int | None = None) -> Json:
        """GET /canary/configs/{name}: the newest version, or another one."""
        return self._ask("GET", _config(name), params=_numbers(version=version))

    def config_versions(self, name: str) -> Json:
        """GET /canary/configs/{name}/versions."""
        return self._ask("GET", f"{_config(name)}/versions")

    def config_diff(self, name: str, before: int | None, after: int | None) -> Json:
        """GET /canary/configs/{name}/diff."""
        numbers = _numbers(**{"from": before, "to": after})
        return self._ask("GET", f"{_config(name)}/diff", params=numbers)

    def check_config(self, body: Json) -> Json:
        """POST /canary/configs/check: keeps nothing."""
        return self._ask("POST", f"{_CONFIGS}/check", body=body)

    def query(self, body: Json) -> Json:
        """POST /canary/queries: asks a source of figures."""
        return self._ask("POST", "/canary/queries", body=body, timeout=_LONG)

    def judge(self, body: Json) -> Json:
        """POST /judge: keeps nothing."""
        return self._ask("POST", "/judge", body=body, timeout=_LONG)

    def compare(self, body: Json) -> Json:
        """POST /canary/comparisons: kept as an analysis."""
        return self._ask("POST", "/canary/comparisons", body=body, timeout=_LONG)

    def replays(self, body: Json) -> Iterator[Json]:
        """POST /canary/replays: progress, and last the result."""
        return self._work("/canary/replays", body)

    def durations(self, body: Json) -> Iterator[Json]:
        """POST /canary/durations: the same."""
        return self._work("/canary/durations", body)

    # --- changing ---

    def plan(self, body: Json) -> Json:
        """POST /plans: touches nothing."""
        return self._ask("POST", "/plans", body=body)

    def deploy(self, body: Json, key: str) -> Json:
        """POST /deployments; the key becomes the deployment's id."""
        return self._ask("POST", "/deployments", body=body, key=key)

    def operate(self, cluster: str, body: Json, key: str) -> Json:
        """POST /clusters/{cluster}/operations; the key becomes the deployment's id."""
        return self._ask("POST", f"/clusters/{_part(cluster)}/operations", body=body, key=key)

    def cancel(self, deployment: str, body: Json) -> Json:
        """POST /deployments/{id}/cancel."""
        return self._ask("POST", f"/deployments/{_part(deployment)}/cancel", body=body)

    def answer(self, deployment: str, body: Json) -> Json:
        """POST /deployments/{id}/answer."""
        return self._ask("POST", f"/deployments/{_part(deployment)}/answer", body=body)

    def hold(self, cluster: str, body: Json) -> Json:
        """POST /clusters/{cluster}/hold."""
        return self._ask("POST", f"/clusters/{_part(cluster)}/hold", body=body)

    def release(self, cluster: str, body: Json) -> Json:
        """POST /clusters/{cluster}/release."""
        return self._ask("POST", f"/clusters/{_part(cluster)}/release", body=body)

    def judge_canary(self, canary: str, body: Json) -> Json:
        """POST /canaries/{id}/judgment."""
        return self._ask("POST", f"/canaries/{_part(canary)}/judgment", body=body)

    def keep_config(self, name: str, body: Json) -> Json:
        """PUT /canary/configs/{name}."""
        return self._ask("PUT", _config(name), body=body)

    def delete_config(self, name: str) -> None:
        """DELETE /canary/configs/{name}."""
        self._ask("DELETE", _config(name))

    # --- streams ---

    @contextmanager
    def events(self, *, quiet: float, last: str = "", **wanted: str) -> Iterator[Iterator[str]]:
        """GET /events: the lines. Raises `Unreachable` after `quiet` seconds without any."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        with self._stream("/events", wanted, headers=headers, quiet=quiet) as lines:
            yield lines

    @contextmanager
    def log(
        self, group: str, *, instance: str, lines: int, follow: bool
    ) -> Iterator[Iterator[str]]:
        """GET /groups/{group}/log: the lines, as they come."""
        wanted = {"lines": str(lines), "follow": str(follow).lower()}
        if instance:
            wanted["instance"] = instance
        path = f"/groups/{_part(group)}/log"
        with self._stream(path, wanted, quiet=None if follow else _ANSWER) as found:
            yield found

    @contextmanager
    def _stream(
        self,
        path: str,
        wanted: Mapping[str, str],
        *,
        quiet: float | None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Iterator[str]]:
        timeout = httpx2.Timeout(quiet, connect=_CONNECT)
        with (
            _translated(self.url),
            self._http.stream(
                "GET", path, params=wanted, headers=headers or {"Accept": "*/*"}, timeout=timeout
            ) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _refusal(answer, self.url)
            yield answer.iter_lines()

    def _work(self, path: str, body: Json) -> Iterator[Json]:
        """A line for each step of the work. Raises `CommandError` for the problem that ends it."""
        timeout = httpx2.Timeout(_LONG, connect=_CONNECT)
        with (
            _translated(self.url),
            self._http.stream("POST", path, json=body, timeout=timeout) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _refusal(answer, self.url)
            for text in answer.iter_lines():
                line = json.loads(text)
                if "problem" in line:
                    raise _problem(line["problem"], int(line["problem"]["status"]))
                yield line

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Json = None,
        key: str = "",
        timeout: float = _ANSWER,
    ) -> Json:
        longest = httpx2.Timeout(min(self._longest, timeout), connect=self._connect)
        headers = {"Idempotency-Key": key} if key else {}
        until = time.monotonic() + self._patience
        while True:
            with _translated(self.url):
                answer = self._http.request(
                    method, path, params=params, json=body, headers=headers, timeout=longest
                )
            wait = _retry_after(answer)
            if wait is None or time.monotonic() + wait > until:
                break
            time.sleep(wait)  # the server says that it starts; repeating any call is safe
        if answer.is_error:
            raise _refusal(answer, self.url)
        return _document(answer, self.url)


def _split(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandError(
            f"{url!r} is not the address of a server.",
            "Write it like http://127.0.0.1:7600, in --server or TURNOUT_SERVER.",
            Exit.USAGE,
            code="usage",
        )
    return parts


def _sendable(token: str) -> str:
    """What can stand in a header. Never says what it was: it is a secret, wrong or not."""
    if not token.strip() or not all(" " <= character <= "~" for character in token):
        raise CommandError(
            "TURNOUT_TOKEN cannot be sent: it is blank, or holds a line end or a character "
            "outside ASCII.",
            "Set it to the server's token, and to nothing else.",
            Exit.USAGE,
            code="usage",
        )
    return token


def _part(name: str) -> str:
    return quote(name, safe="") or "-"


_CONFIGS = "/canary/configs"


def _config(name: str) -> str:
    return f"{_CONFIGS}/{_part(name)}"


def _numbers(**given: int | None) -> dict[str, str]:
    return {name: str(number) for name, number in given.items() if number is not None}


def _retry_after(answer: httpx2.Response) -> float | None:
    if answer.status_code != 503 or "retry-after" not in answer.headers:
        return None
    try:
        return min(max(float(answer.headers["retry-after"]), 0.1), 2.0)
    except ValueError:  # a date; nothing of ours sends one
        return 1.0


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except httpx2.ConnectError as error:
        raise Unreachable(
            f"No Turnout server answers at {url}: {_reason(error)}.",
            "Start one with: turnout server. Is it elsewhere? Use --server or TURNOUT_SERVER.",
            Exit.UNREACHABLE,
            code="unreachable",
        ) from error
    except httpx2.TimeoutException as error:
        raise Unreachable(
            f"The Turnout server at {url} did not answer in time.",
            "Look at its log, or try again; turnout doctor looks for causes.",
            Exit.UNREACHABLE,
            code="unreachable",
        ) from error
    except (httpx2.TransportError, httpx2.StreamError, httpx2.DecodingError) as error:
        raise Unreachable(
            f"The connection to {url} broke: {_reason(error)}.",
            "Is a Turnout server there, and still running? turnout version tells.",
            Exit.UNREACHABLE,
            code="unreachable",
        ) from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise CommandError(
            f"{url!r} is not the address of a server: {_reason(error)}.",
            "Write it like http://127.0.0.1:7600, in --server or TURNOUT_SERVER.",
            Exit.USAGE,
            code="usage",
        ) from error


def _reason(error: Exception) -> str:
    said = str(error).strip().rstrip(".") or type(error).__name__
    return "connection refused" if "refused" in said.lower() else said


def _document(answer: httpx2.Response, url: str) -> Json:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError as error:
        raise _not_turnout(answer, url) from error


def _not_turnout(answer: httpx2.Response, url: str) -> Unreachable:
    kind = answer.headers.get("content-type", "no content type").split(";")[0]
    return Unreachable(
        f"{url} answers with {answer.status_code} and {kind}: that is not a Turnout server.",
        "Check --server or TURNOUT_SERVER. Unless told otherwise it is http://127.0.0.1:7600.",
        Exit.UNREACHABLE,
        code="broken_answer",
    )


def _sentence(text: str) -> str:
    """With a full stop."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


_HINTS: Mapping[int, str] = {
    401: "Set TURNOUT_TOKEN to the server's token.",
    403: "Ask whoever runs the server; its token goes into TURNOUT_TOKEN.",
    404: "turnout status shows the clusters and server groups, turnout history the deployments.",
    409: "turnout status shows what is going on.",
    422: "Mend it and try again.",
    503: "Try again in a moment; turnout doctor looks for causes.",
}


def _refusal(answer: httpx2.Response, url: str) -> CommandError:
    """The one translation from problem documents to what a person is told."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    status = answer.status_code
    if status == 500 and not isinstance(problem, dict):
        return CommandError(
            f"The server at {url} failed inside and did not say why.",
            "Its log does. What was asked may have been done: look with turnout status.",
            code="http_500",
        )
    if not isinstance(problem, dict) or not isinstance(problem.get("detail"), str):
        return _not_turnout(answer, url)
    return _problem(problem, status)


def _problem(problem: dict[str, Any], status: int) -> CommandError:
    kind = Unreachable if of_http(status) is Exit.UNREACHABLE else CommandError
    return kind(
        _sentence(problem["detail"]),
        str(problem.get("hint") or "") or _HINTS.get(status, "The server's log says more."),
        of_http(status),
        code=str(problem.get("code") or f"http_{status}"),
        details=problem,
    )
