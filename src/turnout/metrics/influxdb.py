"""InfluxDB 1.x, asked in InfluxQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from turnout.metrics.answers import parse_samples, pick
from turnout.metrics.authorization import build_authorization
from turnout.metrics.caller import Call, Caller
from turnout.metrics.grid import Track, format_time
from turnout.metrics.source import of_type
from turnout.metrics.templates import choose_template, expand, refused, variables
from turnout.model.canary.queries import InfluxDbQuery, Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import Permanent, Temporary

_FORBIDDEN = re.compile(r";|--|\bSHOW\s", re.IGNORECASE)
_NEEDED = ("timeFilter", "scope")


class InfluxDbStore:
    """Reads one database."""

    most_steps: int | None = None

    def __init__(self, database: str) -> None:
        self._database = database

    def build_text(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        return build_query(of_type(query, InfluxDbQuery), scope, templates)

    async def ask(self, caller: Caller, query: Query, text: str, scope: CanaryScope) -> list[Track]:
        params = {"db": self._database, "q": text, "epoch": "ms"}
        call = Call("/query", params, headers=build_authorization(caller.account))
        return await caller.ask(call, lambda answer: parse_answer(answer, caller.account.name))


def build_query(query: InfluxDbQuery, scope: CanaryScope, templates: Mapping[str, str]) -> str:
    """The query in InfluxQL. Raises `InvalidDocument`."""
    template = choose_template(query, templates)
    text = _from_template(*template, scope) if template else _from_fields(query, scope)
    if _FORBIDDEN.search(text):
        raise refused(
            "query", "it holds ; or -- or an administration statement (SHOW): it must only select"
        )
    return text


def parse_answer(answer: Any, who: str) -> list[Track]:
    """Each column after `time` is a track. Raises `Permanent` for what the store refused."""
    (result,) = pick(answer, "results", kind=list, who=who)[:1] or [{}]
    if error := pick(result, kind=dict, who=who).get("error"):
        raise Permanent(f"{who}: {error}")
    return [track for series in result.get("series", ()) for track in _columns(series, who)]


def _columns(series: Any, who: str) -> list[Track]:
    columns = pick(series, "columns", kind=list, who=who)
    rows = series.get("values") or []
    if any(not isinstance(row, list) or len(row) != len(columns) for row in rows):
        raise Temporary(f"{who}: a row has not as many values as there are columns")
    if series.get("partial"):
        raise Permanent(
            f"{who}: only {len(rows)} rows came back, there are more",
            hint="Raise max-row-limit in the [http] part of InfluxDB, or GROUP BY time.",
        )
    given = (series.get("tags") or {}).items()
    tags = {str(key): str(value) for key, value in given if value}  # empty = it has no such tag
    many = len(columns) > 2
    return [
        Track(
            {**tags, "field": name} if many else tags,
            parse_samples([(row[0], row[number]) for row in rows], ms=1, who=who),
        )
        for number, name in enumerate(columns[1:], 1)
    ]


def _from_fields(query: InfluxDbQuery, scope: CanaryScope) -> str:
    if not query.metric_name:
        raise refused("query.metricName", "is missing: the measurement, or write a template")
    fields = ", ".join(query.fields_) or "*::field"
    condition = f" AND {_scope_filter(scope)}" if scope.scope is not None else ""
    where = f"{_time_filter(scope)}{condition}"
    return f"SELECT {fields} FROM {query.metric_name} WHERE {where}"  # noqa: S608 - the author's


def _from_template(template: str, path: str, scope: CanaryScope) -> str:
    for name in _NEEDED:
        if name not in variables(template):
            raise refused(path, f"${{{name}}} is missing: without it everything is compared")
    ours = {
        "timeFilter": _time_filter(scope),
        "scope": _scope_filter(scope),
        "step": f"{scope.step}s",
    }
    return expand(template, {**scope.extended_scope_params, **ours}, path)


def _time_filter(scope: CanaryScope) -> str:
    return f"time >= '{format_time(scope.start)}' AND time < '{format_time(scope.end)}'"


def _scope_filter(scope: CanaryScope) -> str:
    name, colon, value = (scope.scope or "").partition(":")
    if not colon or not name or not value:
        raise refused(
            "scope.scope", f"{scope.scope!r} should be name:value, like server_group:shop-v002"
        )
    return f"{name} = '{_quoted(value)}'"


def _quoted(text: str) -> str:
    """Nothing of a name may end the text that it stands in."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
