"""Prometheus, and what speaks its API: VictoriaMetrics, Thanos, Mimir.

A prefix of their paths belongs into the account's url, a tenant into its headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.metrics.answers import parse_samples, pick
from turnout.metrics.authorization import build_authorization
from turnout.metrics.caller import Call, Caller
from turnout.metrics.grid import Track, format_time
from turnout.metrics.source import of_type
from turnout.metrics.templates import attributes_of, bind, choose_template, expand, refused
from turnout.model.canary.queries import MACHINES, WITHOUT_LABELS, PrometheusQuery, Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import Permanent, Temporary
from turnout.model.words import nearest

WHOLE = "PromQL:"
"""A template that begins so is the whole query."""

ATTRIBUTES = ("project", "resourceType", "scope", "location")


class PrometheusStore:
    """Range queries."""

    most_steps: int | None = 10_000  # Prometheus refuses more than 11 000 points of a series

    def __init__(self, scope_label: str) -> None:
        self._scope_label = scope_label

    def build_text(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        return build_query(
            of_type(query, PrometheusQuery), scope, templates, scope_label=self._scope_label
        )

    async def ask(self, caller: Caller, query: Query, text: str, scope: CanaryScope) -> list[Track]:
        call = build_call(text, scope, build_authorization(caller.account))
        return await caller.ask(call, lambda answer: parse_answer(answer, caller.account.name))


def build_query(
    query: PrometheusQuery, scope: CanaryScope, templates: Mapping[str, str], *, scope_label: str
) -> str:
    """The query in PromQL. Raises `InvalidDocument`."""
    template = choose_template(query, templates)
    expanded = expand(template[0], bind(ATTRIBUTES, query, scope), template[1]) if template else ""
    if expanded.startswith(WHOLE):
        return expanded.removeprefix(WHOLE).strip()
    if not query.metric_name:
        raise refused("query.metricName", f"is missing, and the template has no {WHOLE}")
    labels = (
        [*_parts(expanded), *query.label_bindings]
        if template
        else [*query.label_bindings, *_resource_labels(query, scope, scope_label)]
    )
    selector = query.metric_name + (f"{{{','.join(labels)}}}" if labels else "")
    by = f" by ({','.join(query.group_by_fields)})" if query.group_by_fields else ""
    return f"avg({selector}){by}"


def build_call(text: str, scope: CanaryScope, authorization: Mapping[str, str]) -> Call:
    """The range query as a request. Half of an answer is refused where the store knows how."""
    params = {
        "query": text,
        "start": format_time(scope.start),
        "end": format_time(scope.end),
        "step": str(scope.step),
        "partial_response": "false",  # Thanos
        "deny_partial_response": "1",  # VictoriaMetrics
    }
    return Call("/api/v1/query_range", params, headers=authorization)


def parse_answer(answer: Any, who: str) -> list[Track]:
    """The tracks of a matrix. Raises `Temporary` for an answer that is not whole."""
    if isinstance(answer, dict) and answer.get("isPartial"):
        raise Temporary(f"{who}: a part of the answer is missing: some storage does not answer")
    result = pick(answer, "data", "result", kind=list, who=who)
    return [_track(entry, who) for entry in result]


def _track(entry: Any, who: str) -> Track:
    metric = pick(entry, "metric", kind=dict, who=who)
    if "histograms" in entry:
        raise Permanent(
            f"{who}: histograms came back, not figures",
            hint="Make figures of them: histogram_quantile, histogram_count …",
        )
    values = pick(entry, "values", kind=list, who=who)
    tags = {str(key): str(value) for key, value in metric.items() if key != "__name__"}
    return Track(tags, parse_samples(values, ms=1000, who=who))


def _parts(expanded: str) -> list[str]:
    return [part.strip() for part in expanded.split(",") if part.strip()]


def _resource_labels(query: PrometheusQuery, scope: CanaryScope, scope_label: str) -> list[str]:
    """The labels that say where a server group runs, by the kind of its machines."""
    known = attributes_of(scope)
    kind = query.resource_type or known["resourceType"]
    if not kind:
        raise refused("query", f"without template and resourceType {WITHOUT_LABELS}")
    if kind not in MACHINES:
        said = f"for {kind!r} {WITHOUT_LABELS}"
        raise refused("query.resourceType", said, nearest(kind, MACHINES))
    if not scope.location:
        raise refused("scope.location", f"is missing: {kind} needs it")
    group, place = _quoted(scope.scope or ""), _quoted(scope.location)
    if kind == "aws_ec2_instance":
        return [*([f'asg_groupName="{group}"'] if group else []), f'zone=~"{place}.{{1}}"']
    project = f"projects/{known['project']}/" if known["project"] else ""
    name = [f'{scope_label}=~"{group}-.{{4}}"'] if group else []
    return [*name, f'zone=~".+/{project}zones/{place}-.{{1}}"']


def _quoted(text: str) -> str:
    """Nothing of a name may end the text that it stands in."""
    return text.replace('"', '\\"')
