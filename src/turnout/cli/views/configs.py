"""Canary configurations: many in lines, one in full, and what differs between two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import tzinfo

from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.views.words import BAD, FAINT, GOOD, WAIT, clean, full_time
from turnout.documents.canary import Change
from turnout.documents.canary.comparing import ChangeKind
from turnout.model.canary.configuration import CanaryConfig, MetricConfig
from turnout.model.canary.options import read_evidence_options, read_options
from turnout.model.canary.queries import Query
from turnout.model.canary.stored import ConfigSummary, ConfigVersionLine, ConfigView
from turnout.model.errors import InvalidDocument

_LONGEST = 60
"""Characters of a value or a query."""

_NAMING = ("metric_name", "metric_type", "q", "select", "custom_inline_template")
"""Fields that say what a query asks for, the best one first."""

_SIGNS = {
    ChangeKind.ADDED: ("+", GOOD),
    ChangeKind.REMOVED: ("-", BAD),
    ChangeKind.CHANGED: ("~", WAIT),
}


def list_view(configs: Sequence[ConfigSummary], zone: tzinfo | None) -> RenderableType:
    """One line each."""
    table = _table("name", "version", "metrics", "judge", "kept", "by", "description")
    for config in configs:
        table.add_row(
            clean(config.name),
            _version_words(config.version),
            str(config.metrics),
            clean(config.judge) or "-",
            full_time(config.at, zone),
            clean(config.by) or "-",
            clean(config.description),
        )
    return table


def versions_view(versions: Sequence[ConfigVersionLine], zone: tzinfo | None) -> RenderableType:
    """One line each."""
    table = _table("version", "kept", "by")
    for one in versions:
        kept = full_time(one.at, zone)
        table.add_row(_version_words(one.version), kept, clean(one.by) or "-")
    return table


def config_view(view: ConfigView, document: CanaryConfig, zone: tzinfo | None) -> RenderableType:
    """Everything that decides about a canary; `document` is that of the view, read."""
    head = Text.assemble((clean(view.name), "bold"), f"  {_origin(view, zone)}")
    facts = Table.grid(padding=(0, 2, 0, 0))
    for name, said in _facts(document):
        facts.add_row(Text(name, FAINT), Text(clean(said)))
    return Group(head, Text(), facts, Text(), _metrics(document))


def diff_view(
    name: str, before: int | str, after: int | str, changes: Sequence[Change]
) -> RenderableType:
    """One line for each change."""
    one, other = _side(before), _side(after)
    if not changes:
        same = f"{name} has one version only" if before == after else f"{one} and {other} agree"
        return Text(f"{clean(same)}: nothing differs.")
    head = Text(f"{clean(name)}: from {clean(one)} to {clean(other)}")
    return Group(head, *(_change(change) for change in changes))


def _change(change: Change) -> Text:
    sign, style = _SIGNS[change.kind]
    match change.kind:
        case ChangeKind.ADDED:
            said = _short(change.after)
        case ChangeKind.REMOVED:
            said = _short(change.before)
        case ChangeKind.CHANGED:
            said = f"{_short(change.before)} -> {_short(change.after)}"
    return Text.assemble((f"{sign} {clean(change.path)}", style), f": {clean(said)}")


def _facts(document: CanaryConfig) -> list[tuple[str, str]]:
    judge = document.judge
    settings = judge.judge_configurations if judge else {}
    told = ", ".join(f"{name} {value}" for name, value in settings.items())
    name = (judge.name if judge else None) or "the default"
    weights = document.classifier.group_weights if document.classifier else {}
    return [
        *([("Description", document.description)] if document.description else []),
        ("Judge", f"{name} ({told})" if told else name),
        ("Applications", ", ".join(document.applications) or "-"),
        ("Weights", ", ".join(f"{group} {weight:g}" for group, weight in weights.items()) or "-"),
    ]


def _metrics(document: CanaryConfig) -> Table:
    table = _table("metric", "asks for", "kind", "direction", "critical", "margin", "groups")
    for metric in document.metrics:
        table.add_row(*(clean(cell) for cell in _metric(metric)))
    return table


def _metric(metric: MetricConfig) -> tuple[str, ...]:
    about = metric.name, _asks_for(metric.query)
    try:
        options, evidence = read_options(metric), read_evidence_options(metric)
    except InvalidDocument:  # of a server that knows more than we do
        return (*about, "?", "?", "?", "?", ", ".join(metric.groups) or "-")
    return (
        *about,
        str(evidence.kind or "-"),
        str(options.direction),
        "yes" if options.critical else "no",
        f"{evidence.margin * 100:g} %" if evidence.margin else "-",
        ", ".join(metric.groups) or "-",
    )


def _asks_for(query: Query | None) -> str:
    if query is None:
        return "-"
    named = (getattr(query, field, None) for field in _NAMING)
    said = next((str(name) for name in named if name), "")
    return f"{query.type} {_cut(said)}".strip()


def _origin(view: ConfigView, zone: tzinfo | None) -> str:
    if view.version == 0:
        return "built in"
    by = f" by {clean(view.by)}" if view.by else ""
    return f"version {view.version}, kept {full_time(view.at, zone)}{by}"


def _version_words(version: int) -> str:
    return "built in" if version == 0 else str(version)


def _side(side: int | str) -> str:
    return f"version {side}" if isinstance(side, int) else side


def _short(value: JsonValue) -> str:
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT)
    for column in columns:
        table.add_column(column)
    return table
