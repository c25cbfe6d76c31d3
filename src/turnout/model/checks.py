"""Checks: one idea used before traffic, at a step and during a watch."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from turnout.model.analysis import AnalysisVerdict, Finding
from turnout.model.servers import HttpMethod, NonNegative, Positive, Text
from turnout.model.value import Value


class Verdict(StrEnum):
    """`error` is not `fail`: the check itself could not be made."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class CheckAnswer(Value):
    """What a check found: a verdict, a sentence for people, and the figures behind it."""

    check: str
    verdict: Verdict
    sentence: str
    figures: dict[str, float] = {}


_VERDICTS = {
    AnalysisVerdict.PASS: Verdict.PASS,
    AnalysisVerdict.FAIL: Verdict.FAIL,
    AnalysisVerdict.ERROR: Verdict.ERROR,
}


def answer_of(check: str, finding: Finding) -> CheckAnswer:
    """What an analysis found, as the answer of a check; without an end it is inconclusive."""
    return CheckAnswer(
        check=check,
        verdict=_VERDICTS.get(finding.verdict, Verdict.INCONCLUSIVE),
        sentence=finding.sentence,
        figures=finding.figures,
    )


class OnError(StrEnum):
    """What an unanswerable check means once its deadline has passed."""

    PAUSE = "pause"
    FAIL = "fail"
    PASS = "pass"


class HttpCheck(Value):
    """A request to the new server group through the router's preview address."""

    kind: Literal["http"] = "http"
    name: Text = "http"
    path: Annotated[str, StringConstraints(pattern=r"^/")] = "/"
    method: HttpMethod = "GET"
    headers: dict[str, str] = {}
    body: str = ""
    status_from: Annotated[int, Field(ge=100, le=599, strict=True)] = 200
    status_to: Annotated[int, Field(ge=100, le=599, strict=True)] = 299
    matches: str = ""
    """A regular expression that must be found in the body."""
    within: Positive = timedelta(seconds=2)
    """The answer must come this fast."""
    timeout: Positive = timedelta(seconds=30)
    on_error: OnError | None = None


class CommandCheck(Value):
    """A command on the Turnout host: exit code 0 passes, 75 is inconclusive, any other fails.

    It sees TURNOUT_CLUSTER, TURNOUT_GROUP, TURNOUT_SOURCE, TURNOUT_URL and TURNOUT_PREVIEW_HEADER.
    """

    kind: Literal["command"] = "command"
    name: Text = "command"
    command: Annotated[tuple[Text, ...], Field(min_length=1)]
    timeout: Positive = timedelta(seconds=60)
    on_error: OnError | None = None


Figure = Literal["error_share", "client_error_share", "p50_ms", "p90_ms", "p99_ms", "requests"]


class MetricCheck(Value):
    """A figure of the router's own counters for the new server group, over the last `window`.

    `error_share` and `client_error_share` are in per mille of the requests. Inconclusive below
    `min_requests`.
    """

    kind: Literal["metric"] = "metric"
    name: Text = "metric"
    figure: Figure
    max: float | None = None
    min: float | None = None
    window: Positive = timedelta(seconds=30)
    min_requests: Annotated[int, Field(ge=0, strict=True)] = 20
    timeout: Positive = timedelta(seconds=60)
    on_error: OnError | None = None


class TripWires(Value):
    """The default of `watch`: the new group against the source in the window before the switch.

    Trips when more requests of the new group fail than the source's share (its upper limit, as far
    as it is known) and `error_increase` per mille allow, and at least `min_failed`; or when its p99
    exceeds the source's by `latency_factor` and by `latency_increase`. Both only when chance does
    not explain it. Says nothing below `min_requests` requests of the new group.
    """

    kind: Literal["trip_wires"] = "trip_wires"
    name: Text = "trip wires"
    error_increase: Annotated[int, Field(ge=0, le=1000, strict=True)] = 10
    min_failed: Annotated[int, Field(ge=1, strict=True)] = 3
    latency_factor: Annotated[float, Field(ge=1)] = 2.0
    latency_increase: Positive = timedelta(milliseconds=100)
    min_requests: Annotated[int, Field(ge=1, strict=True)] = 20
    window: Positive = timedelta(seconds=60)
    """How far before the switch the source's figures reach."""
    timeout: Positive = timedelta(seconds=60)
    on_error: OnError | None = None


class CanaryCheck(Value):
    """The judge of a canary on the new group beside the source, by a canary configuration.

    In a watch it looks all through the watch; elsewhere it takes `duration` to answer. When the
    source has no traffic any more, its last window before the switch is compared with.
    """

    kind: Literal["canary"] = "canary"
    name: Text = "canary"
    config: str = ""
    """The name of a stored canary configuration; empty = the one that is built in."""
    warmup: NonNegative = timedelta(0)
    duration: Positive = timedelta(minutes=5)
    interval: Positive = timedelta(seconds=5)
    timeout: Positive = timedelta(hours=24)
    on_error: OnError | None = None


Check = Annotated[
    HttpCheck | CommandCheck | MetricCheck | TripWires | CanaryCheck, Field(discriminator="kind")
]
