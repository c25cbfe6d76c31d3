"""Datadog: points of a query, over its API v1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.metrics.accounts import Account
from turnout.metrics.answers import parse_samples, pick
from turnout.metrics.caller import Call, Caller
from turnout.metrics.grid import Track, milliseconds
from turnout.metrics.source import of_type
from turnout.metrics.templates import bind, choose_template, expand, refused
from turnout.model.canary.queries import DatadogQuery, Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import Permanent

ATTRIBUTES = ("scope", "location")


class DatadogStore:
    """Time series by query."""

    most_steps: int | None = None

    def build_text(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        return build_query(of_type(query, DatadogQuery), scope, templates)

    async def ask(self, caller: Caller, query: Query, text: str, scope: CanaryScope) -> list[Track]:
        call = build_call(text, scope, build_keys(caller.account))
        return await caller.ask(call, lambda answer: parse_answer(answer, caller.account.name))


def build_query(query: DatadogQuery, scope: CanaryScope, templates: Mapping[str, str]) -> str:
    """The query. Raises `InvalidDocument`."""
    template = choose_template(query, templates)
    if template:
        return expand(template[0], bind(ATTRIBUTES, query, scope), template[1])
    if not query.metric_name:
        raise refused("query.metricName", "is missing, and there is no template")
    return f"{query.metric_name}{{{scope.scope or ''}}}"


def build_call(text: str, scope: CanaryScope, keys: Mapping[str, str]) -> Call:
    """The request for the time of the scope."""
    params = {
        "query": text,
        "from": str(milliseconds(scope.start) // 1000),
        "to": str(milliseconds(scope.end) // 1000),
    }
    return Call("/api/v1/query", params, headers=keys)


def build_keys(account: Account) -> dict[str, str]:
    """The headers that let a request in."""
    return {
        "DD-API-KEY": account.reveal("token"),
        "DD-APPLICATION-KEY": account.reveal("application_key"),
    }


def parse_answer(answer: Any, who: str) -> list[Track]:
    """One track for each group of the query, known by the tags that it is grouped by."""
    said = pick(answer, kind=dict, who=who)
    if said.get("status") == "error" or said.get("error"):
        raise Permanent(f"{who}: {said.get('error') or 'the query was refused'}")
    return [_track(entry, who) for entry in pick(answer, "series", kind=list, who=who)]


def _track(entry: Any, who: str) -> Track:
    points = pick(entry, "pointlist", kind=list, who=who)
    pairs = (str(tag).partition(":") for tag in entry.get("tag_set") or ())
    tags = {key: value for key, _, value in pairs}
    return Track(tags, parse_samples(points, ms=1, who=who))
