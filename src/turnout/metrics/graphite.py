"""Graphite's render API, and what speaks it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from turnout.metrics.answers import parse_samples, pick
from turnout.metrics.authorization import build_authorization
from turnout.metrics.caller import Call, Caller
from turnout.metrics.grid import Track, milliseconds
from turnout.metrics.source import of_type
from turnout.metrics.templates import refused
from turnout.model.canary.queries import GraphiteQuery, Query
from turnout.model.canary.request import CanaryScope


class GraphiteStore:
    """Renders a target as JSON."""

    most_steps: int | None = None

    def build_text(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        return build_query(of_type(query, GraphiteQuery), scope)

    async def ask(self, caller: Caller, query: Query, text: str, scope: CanaryScope) -> list[Track]:
        call = build_call(text, scope, build_authorization(caller.account))
        who = caller.account.name
        return await caller.ask(call, lambda answer: parse_answer(answer, scope, who))


def build_query(query: GraphiteQuery, scope: CanaryScope) -> str:
    """The target. Raises `InvalidDocument`."""
    if not query.metric_name:
        raise refused("query.metricName", "is missing: the target")
    target = query.metric_name
    for name, value in (("$scope", scope.scope), ("$location", scope.location)):
        target = target.replace(name, value) if value else target
    return target


def build_call(text: str, scope: CanaryScope, authorization: Mapping[str, str]) -> Call:
    """The request. Graphite leaves out what belongs to `from` itself, so it begins earlier."""
    params = {
        "target": text,
        "from": str(milliseconds(scope.start - timedelta(milliseconds=1)) // 1000),
        "until": str(milliseconds(scope.end) // 1000),
        "format": "json",
        "noCache": "true",
    }
    return Call("/render", params, headers=authorization)


def parse_answer(answer: Any, scope: CanaryScope, who: str) -> list[Track]:
    """One track for each target; where there are several, `target` tells them apart. The names of
    scope and location are taken out of it: both sides of a comparison then have the same tags.
    """
    entries = pick(answer, kind=list, who=who)
    return [_track(entry, scope, who, has_others=len(entries) > 1) for entry in entries]


def _track(entry: Any, scope: CanaryScope, who: str, *, has_others: bool) -> Track:
    points = pick(entry, "datapoints", kind=list, who=who)
    pairs = [pick(point, kind=list, who=who)[::-1] for point in points]
    samples = parse_samples(pairs, ms=1000, who=who)
    if not has_others:
        return Track({}, samples)
    target = str(entry.get("target", ""))
    for name, value in (("$scope", scope.scope), ("$location", scope.location)):
        target = target.replace(value, name) if value else target
    return Track({"target": target}, samples)
