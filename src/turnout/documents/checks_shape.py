"""The shape of checks: `- http: {path: /smoke}`, `- command: ./smoke.sh`, `- metric: …`, `-
trip_wires: {}`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, get_args

from pydantic import TypeAdapter

from turnout.documents import parts, texts
from turnout.documents.report import Report, Unreadable, shown
from turnout.documents.shapes import Nothing, Number, OneOf, Schema, Whole, Words
from turnout.documents.structures import (
    Forms,
    Key,
    ListOf,
    Made,
    Misfit,
    Record,
    Single,
    Values,
    place_of,
)
from turnout.documents.tree import Node
from turnout.model.checks import Check, Figure, HttpCheck, OnError
from turnout.model.servers import HttpMethod
from turnout.model.units import parse_duration, parse_share

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")

METHOD = OneOf(get_args(HttpMethod))

_NAME = Key(
    parts.LINE, "What it is called in plans and reports; chosen from what it does when left out."
)
_TIMEOUT = Key(parts.POSITIVE_DURATION, "How long it may take to find an answer, retries included.")
_ON_ERROR = Key(
    OneOf(tuple(OnError)),
    "What it means when the check cannot be made until its time-out: pause (ask a person), "
    "fail or pass.",
)
_COMMON = {"name": _NAME, "timeout": _TIMEOUT, "on_error": _ON_ERROR}


def _make_http(values: Values) -> Values:
    if "status" in values:
        values["status_from"], values["status_to"] = values.pop("status")
    within = values.get("within", HttpCheck.model_fields["within"].default)
    if within > values.get("timeout", HttpCheck.model_fields["timeout"].default):
        raise Misfit("within", "this is longer than the check's timeout")
    return values


def _make_metric(values: Values) -> Values:
    figure = values["figure"]
    for limit in ("max", "min"):
        if limit in values:
            values[limit] = _limit(limit, values[limit], figure)
    if "max" not in values and "min" not in values:
        raise Misfit("figure", "needs a limit: add max or min")
    if values.get("min", 0) > values.get("max", float("inf")):
        raise Misfit("min", "this is more than max")
    return values


def _limit(key: str, text: str, figure: str) -> float:
    """Shares in per mille, times in milliseconds, as the model has them."""
    try:
        if figure.endswith("_share"):
            return float(parse_share(text))
        if figure.endswith("_ms") and not _NUMBER.fullmatch(text):
            return parse_duration(text).total_seconds() * 1000
    except ValueError as error:
        raise Misfit(key, str(error)) from error
    if not _NUMBER.fullmatch(text):
        raise Misfit(key, f"{shown(text)} is no number")
    return float(text)


_HTTP = Made(
    Record(
        {
            "path": Key(parts.PATH, "Path and query to ask for. Default /."),
            "method": Key(METHOD, "Default GET."),
            "headers": Key(parts.HEADERS, "Headers to send."),
            "body": Key(Words(texts.parse_block), "Body to send."),
            "status": Key(parts.STATUS, "Statuses that pass: 204 or 200-299 (the default)."),
            "matches": Key(
                Words(texts.parse_pattern), "A regular expression to be found in the body."
            ),
            "within": Key(parts.POSITIVE_DURATION, "How fast the answer must come. Default 2s."),
            **_COMMON,
        }
    ),
    _make_http,
)
_COMMAND = Record(
    {
        "command": Key(parts.COMMAND, "The command.", required=True),
        "name": _NAME,
        "timeout": _TIMEOUT,
        "on_error": _ON_ERROR,
    }
)
_METRIC = Made(
    Record(
        {
            "figure": Key(
                OneOf(get_args(Figure)), "Which figure of the new server group.", required=True
            ),
            "max": Key(
                Words(), "Fails above it: 1% for shares, 250ms or 250 for times, else a number."
            ),
            "min": Key(Words(), "Fails below it."),
            "window": Key(parts.POSITIVE_DURATION, "Over which time. Default 30s."),
            "min_requests": Key(
                Whole(0, 10**9), "With fewer requests the check says nothing. Default 20."
            ),
            **_COMMON,
        }
    ),
    _make_metric,
)
_TRIP_WIRES = Record(
    {
        "error_increase": Key(
            parts.SHARE, "Trips when the share of failed requests exceeds the source's by more."
        ),
        "min_failed": Key(Whole(1, 10**9), "And when so many have failed. Default 3."),
        "latency_factor": Key(
            Number(1), "Trips when p99 exceeds the source's by this factor. Default 2."
        ),
        "latency_increase": Key(parts.POSITIVE_DURATION, "And by so much. Default 100ms."),
        "min_requests": Key(Whole(1, 10**9), "With fewer requests they say nothing. Default 20."),
        "window": Key(
            parts.POSITIVE_DURATION,
            "How far before the switch the source is looked at. Default 60s.",
        ),
        **_COMMON,
    }
)
_CANARY = Record(
    {
        "config": Key(parts.LINE, "A stored canary configuration. Default: the one built in."),
        "warmup": Key(parts.DURATION, "How long nothing is judged at first. Default 0."),
        "duration": Key(
            parts.POSITIVE_DURATION,
            "How long to compare before an answer. Default 5m; a watch or a hold lasts as long as "
            "it says itself.",
        ),
        "interval": Key(parts.POSITIVE_DURATION, "How often the judge looks. Default 5s."),
        **_COMMON,
    }
)


def _short(key: str) -> Callable[[Any], Values]:
    return lambda value: {key: value}


_KINDS = {
    "http": Key(
        Forms[Values](single=Made(parts.PATH, _short("path")), keyed=_HTTP),
        "A request to the new server group, which users do not see: a path, or more.",
    ),
    "command": Key(
        Forms[Values](
            single=Made(parts.COMMAND, _short("command")),
            items=Made(parts.COMMAND, _short("command")),
            keyed=_COMMAND,
        ),
        "A command on this host: 0 passes, 75 is inconclusive, anything else fails. It sees "
        "TURNOUT_CLUSTER, TURNOUT_GROUP, TURNOUT_SOURCE, TURNOUT_URL and TURNOUT_PREVIEW_HEADER.",
    ),
    "metric": Key(_METRIC, "A figure of the router's own counters."),
    "canary": Key(
        Forms[Values](
            single=Made(parts.LINE, _short("config")),
            keyed=_CANARY,
            nothing=Nothing[Values]({}),
        ),
        "The judge of a canary on the new server group beside the source: the name of a stored "
        "canary configuration, or more.",
    ),
    "trip_wires": Key(
        Forms[Values](keyed=_TRIP_WIRES, nothing=Nothing[Values]({})),
        "The new server group against the source in the time before the switch.",
    ),
}

_CHECK: TypeAdapter[Check] = TypeAdapter(Check)


_LIST = ListOf(Single(_KINDS), maximum=50)


class Checks:
    """A list of checks with names that differ."""

    def read(self, node: Node, path: str, report: Report) -> tuple[Check, ...]:
        found: list[tuple[str, Values]] = [
            (kind, values) for kind, values in _LIST.read(node, path, report)
        ]
        self._refuse_same_names(node, found, path, report)
        taken = Counter(values["name"] for _, values in found if "name" in values)
        checks = []
        for kind, values in found:
            name = values.get("name") or _free(_name(kind, values), taken)
            checks.append(_CHECK.validate_python({**values, "kind": kind, "name": name}))
        return tuple(checks)

    def _refuse_same_names(
        self, node: Node, found: list[tuple[str, Values]], path: str, report: Report
    ) -> None:
        names = [values.get("name") for _, values in found]
        doubled = [n for n, name in enumerate(names) if name and name in names[:n]]
        for number in doubled:
            at = [str(number), found[number][0], "name"]
            message = f"another check is named {shown(str(names[number]))}"
            report.add(place_of(node, at), ".".join([path, *at]), message)
        if doubled:
            raise Unreadable

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/checks"}

    def definition(self) -> Schema:
        """What `checks` stands for among the definitions of the whole schema."""
        return _LIST.schema()


def _name(kind: str, values: Values) -> str:
    match kind:
        case "http":
            return f"{values.get('method', 'GET')} {values.get('path', '/')}"[:80]
        case "command":
            name = PurePosixPath(values["command"][0]).name[:80]
            return name if name.isprintable() and name.strip() else "command"
        case "metric":
            return str(values["figure"])
        case "canary":
            return "canary"
        case _:
            return "trip wires"


def _free(name: str, taken: Counter[str]) -> str:
    """The name, with a number when another check has it."""
    number = 1
    chosen = name
    while taken[chosen]:
        number += 1
        chosen = f"{name} ({number})"
    taken[chosen] += 1
    return chosen
