"""Amazon CloudWatch: GetMetricData, in its JSON form, signed by ourselves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from turnout.metrics.accounts import Account
from turnout.metrics.answers import parse_samples, pick
from turnout.metrics.caller import Call, Caller
from turnout.metrics.grid import Track, milliseconds
from turnout.metrics.signature import Credentials, sign
from turnout.metrics.source import of_type
from turnout.metrics.templates import bind, expand, refused, unprotect
from turnout.model.canary.queries import CloudWatchQuery, Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import Permanent, Temporary

ATTRIBUTES = ("scope", "location", "step")

MOST_PAGES = 100

_TARGET = "GraniteServiceVersion20100801.GetMetricData"
_STATISTIC = re.compile(r"Average|Sum|Minimum|Maximum|SampleCount|(p|tm|tc|ts|wm)\d{1,2}(\.\d+)?")


class CloudWatchStore:
    """One metric of one region."""

    most_steps: int | None = None

    def __init__(self, region: str) -> None:
        self._region = region

    def build_text(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        """The metric as JSON: what stands in the request's `MetricStat`."""
        return json.dumps(build_metric(of_type(query, CloudWatchQuery), scope))

    async def ask(self, caller: Caller, query: Query, text: str, scope: CanaryScope) -> list[Track]:
        samples: list[tuple[int, float | None]] = []
        token, who = "", caller.account.name
        for _ in range(MOST_PAGES):
            content = build_content(text, scope, token)
            call = build_call(content, caller.account, self._region, caller.now())
            page, token = await caller.ask(call, lambda answer: parse_page(answer, who))
            samples += page
            if not token:
                return [Track({}, tuple(samples))] if samples else []
        raise Permanent(
            f"{who}: more than {MOST_PAGES} pages",
            hint="Ask for a shorter time, or with a longer step.",
        )


def build_metric(query: CloudWatchQuery, scope: CanaryScope) -> dict[str, Any]:
    """The metric, its statistic and period. Raises `InvalidDocument`."""
    for name, value in (("namespace", query.namespace), ("metricName", query.metric_name)):
        if not value:
            raise refused(f"query.{name}", "is missing")
    if not _STATISTIC.fullmatch(query.statistic):
        raise refused(
            "query.statistic", f"{query.statistic!r} is none: write Average, Sum, Maximum or p99"
        )
    if scope.step not in (1, 5, 10, 20, 30) and (scope.step < 1 or scope.step % 60):
        raise refused(
            "scope.step", f"{scope.step} s is no period: 1, 5, 10, 20, 30 or a multiple of 60 is"
        )
    bindings = bind(ATTRIBUTES, query, scope)
    dimensions = [
        {"Name": name, "Value": expand(unprotect(value), bindings, f"query.dimensions.{name}")}
        for name, value in query.dimensions.items()
    ]
    metric = {
        "Namespace": query.namespace,
        "MetricName": query.metric_name,
        "Dimensions": dimensions,
    }
    return {"Metric": metric, "Period": scope.step, "Stat": query.statistic}


def build_content(text: str, scope: CanaryScope, token: str) -> bytes:
    """One page of the question."""
    asked: dict[str, Any] = {
        "MetricDataQueries": [{"Id": "figures", "MetricStat": json.loads(text)}],
        "StartTime": milliseconds(scope.start) / 1000,
        "EndTime": milliseconds(scope.end) / 1000,
        "ScanBy": "TimestampAscending",
    }
    return json.dumps({**asked, "NextToken": token} if token else asked).encode()


def build_call(content: bytes, account: Account, region: str, now: datetime) -> Call:
    """The signed request."""
    headers = {
        "Host": urlsplit(account.url).netloc,
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": _TARGET,
    }
    credentials = Credentials(
        account.reveal("access_key"), account.reveal("secret_key"), account.reveal("session_token")
    )
    signed = sign(
        credentials, headers=headers, content=content, region=region, service="monitoring", now=now
    )
    return Call("/", method="POST", headers=signed, content=content)


def parse_page(answer: Any, who: str) -> tuple[list[tuple[int, float | None]], str]:
    """The samples of one page, and the token of the next one; empty = it was the last. Raises
    `Temporary` when the last page is not whole.
    """
    token = str(pick(answer, kind=dict, who=who).get("NextToken") or "")
    samples: list[tuple[int, float | None]] = []
    for result in pick(answer, "MetricDataResults", kind=list, who=who):
        status = pick(result, kind=dict, who=who).get("StatusCode", "Complete")
        if status == "Forbidden":
            raise Permanent(f"{who}: CloudWatch forbids this metric")
        if status == "InternalError" or (status == "PartialData" and not token):
            raise Temporary(f"{who}: CloudWatch gave a part of the figures only ({status})")
        times = pick(result, "Timestamps", kind=list, who=who)
        values = pick(result, "Values", kind=list, who=who)
        if len(times) != len(values):
            raise Temporary(f"{who}: {len(times)} times came with {len(values)} values")
        samples += parse_samples(list(zip(times, values, strict=True)), ms=1000, who=who)
    return samples, token
