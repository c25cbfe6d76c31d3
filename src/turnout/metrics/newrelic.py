"""New Relic: NRQL, over NerdGraph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from turnout.metrics.accounts import Account
from turnout.metrics.answers import parse_samples, pick
from turnout.metrics.caller import Call, Caller
from turnout.metrics.grid import Track, milliseconds
from turnout.metrics.source import of_type
from turnout.metrics.templates import bind, choose_template, expand, refused
from turnout.model.canary.queries import NewRelicQuery, Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import AdapterError, Permanent, Temporary

ATTRIBUTES = ("scope", "location", "step")

_DOCUMENT = (
    "query($account: Int!, $nrql: Nrql!, $seconds: Seconds) "
    "{ actor { account(id: $account) { nrql(query: $nrql, timeout: $seconds) { results } } } }"
)
MOST_SECONDS = 70
"""That New Relic lets a query take."""

_NO_FIGURES = frozenset({"beginTimeSeconds", "endTimeSeconds", "inspectedCount", "facet"})
_PASSING = ("TIMEOUT", "TOO_MANY", "THROTTL", "SERVER_ERROR", "INTERNAL", "UNAVAILABLE")


class NewRelicStore:
    """Time series of one account."""

    most_steps: int | None = 366  # TIMESERIES has no more buckets

    def __init__(self, scope_key: str, location_key: str) -> None:
        self._scope_key = scope_key
        self._location_key = location_key

    def build_text(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        return build_query(
            of_type(query, NewRelicQuery),
            scope,
            templates,
            scope_key=self._scope_key,
            location_key=self._location_key,
        )

    async def ask(self, caller: Caller, query: Query, text: str, scope: CanaryScope) -> list[Track]:
        call = build_call(text, caller.account)
        return await caller.ask(call, lambda answer: parse_answer(answer, caller.account.name))


def build_query(
    query: NewRelicQuery,
    scope: CanaryScope,
    templates: Mapping[str, str],
    *,
    scope_key: str = "",
    location_key: str = "",
) -> str:
    """The query in NRQL. Raises `InvalidDocument`."""
    times = {
        "startEpochSeconds": str(milliseconds(scope.start) // 1000),
        "endEpochSeconds": str(milliseconds(scope.end) // 1000),
    }
    template = choose_template(query, templates)
    if template:
        return expand(template[0], bind(ATTRIBUTES, query, scope, times), template[1])
    if not query.select:
        raise refused("query.select", "is missing, and there is no template")
    select = query.select
    select = select if select.upper().startswith("SELECT") else f"SELECT {select}"
    step = f"{scope.step} seconds" if scope.step else "MAX"
    since, until = times.values()
    where = " AND ".join(_conditions(query, scope, scope_key, location_key))
    return f"{select} TIMESERIES {step} SINCE {since} UNTIL {until} WHERE {where}"


def _conditions(
    query: NewRelicQuery, scope: CanaryScope, scope_key: str, location_key: str
) -> list[str]:
    extended = scope.extended_scope_params
    scope_key = extended.get("_scope_key") or scope_key
    location_key = extended.get("_location_key") or location_key
    if not scope_key:
        place = "scope.extendedScopeParams._scope_key"
        raise refused(place, "is missing; or set scope_key of the account")
    pairs = [(key, value) for key, value in extended.items() if not key.startswith("_")]
    pairs.append((scope_key, scope.scope or ""))
    if location_key:
        pairs.append((location_key, scope.location or ""))
    return [*([query.q] if query.q else []), *(f"{k} LIKE '{_quoted(v)}'" for k, v in pairs)]


def build_call(text: str, account: Account) -> Call:
    """The request. New Relic gives up after the time that we wait, and not after its own 5 s."""
    variables = {
        "account": int(account.options["account_id"]),
        "nrql": text,
        "seconds": min(max(int(account.timeout.total_seconds()), 1), MOST_SECONDS),
    }
    return Call(
        "/graphql",
        method="POST",
        headers={"API-Key": account.reveal("token"), "Content-Type": "application/json"},
        content=json.dumps({"query": _DOCUMENT, "variables": variables}).encode(),
    )


def parse_answer(answer: Any, who: str) -> list[Track]:
    """A track for each selected figure and facet. A bucket's figure belongs to its beginning."""
    if errors := pick(answer, kind=dict, who=who).get("errors"):
        raise _error(errors, who)
    path = ("data", "actor", "account", "nrql", "results")
    results = pick(answer, *path, kind=list, who=who)
    found: dict[tuple[str, str], list[tuple[Any, Any]]] = {}
    for bucket in results:
        begin = pick(bucket, kind=dict, who=who).get("beginTimeSeconds")
        for name, value in _figures(bucket):
            found.setdefault((_facet(bucket), name), []).append((begin, value))
    many = len({name for _, name in found}) > 1
    return [
        Track(
            {**_tag("facet", facet), **_tag("figure", name if many else "")},
            parse_samples(pairs, ms=1000, who=who),
        )
        for (facet, name), pairs in found.items()
    ]


def _figures(bucket: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What was selected; a percentile comes as an object with a figure for each percent."""
    found: list[tuple[str, Any]] = []
    for name, value in bucket.items():
        if name in _NO_FIGURES:
            continue
        if isinstance(value, dict):
            found += [(f"{name}.{key}", inner) for key, inner in value.items()]
        elif not isinstance(value, str | list):  # what it is grouped by is repeated under its name
            found.append((name, value))
    return found


def _facet(bucket: Mapping[str, Any]) -> str:
    facet = bucket.get("facet", "")
    return ",".join(map(str, facet)) if isinstance(facet, list) else str(facet)


def _tag(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}


def _error(errors: Any, who: str) -> AdapterError:
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    message = str(first.get("message", errors))
    kind = str((first.get("extensions") or {}).get("errorClass", ""))
    told = f"{who}: {message}" + (f" ({kind})" if kind else "")
    if any(word in kind.upper() for word in _PASSING) or "timed out" in message.lower():
        return Temporary(told)
    return Permanent(told)


def _quoted(text: str) -> str:
    """Nothing of a name may end the text that it stands in."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
