"""Everything that is wrong, or probably not meant, in a configuration, each with its path.

Errors are what cannot be stored or judged; warnings are what the reference judge takes in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum

from turnout.model.canary.configuration import COMPATIBLE_JUDGE, JUDGES, CanaryConfig, MetricConfig
from turnout.model.canary.lookup import Lookup
from turnout.model.canary.options import (
    Direction,
    Measure,
    NanStrategy,
    OutlierStrategy,
    read_evidence_options,
    read_judge_options,
    read_options,
)
from turnout.model.canary.queries import (
    MACHINES,
    PROCESS_FIGURES,
    ROUTER_FIGURES,
    WITHOUT_LABELS,
    ProcessQuery,
    PrometheusQuery,
    Query,
    RouterQuery,
)
from turnout.model.errors import InvalidDocument, Problem, Severity
from turnout.model.words import nearest

_NAME = re.compile(r"[A-Za-z0-9,_-]*")


def _names(choices: type[StrEnum]) -> tuple[str, ...]:
    return tuple(choice.value for choice in choices)


_CHOICES = (
    (("direction",), _names(Direction)),
    (("nanStrategy",), _names(NanStrategy)),
    (("outliers", "strategy"), _names(OutlierStrategy)),
    (("effectSize", "measure"), _names(Measure)),
)


def validate(config: CanaryConfig) -> list[Problem]:
    """All problems, in the order of the document; none = it can be stored and judged by."""
    found = [*_head(config), *_judge(config)]
    for index, metric in enumerate(config.metrics):
        found += _metric(config, metric, f"metrics[{index}]")
    return [*found, *_duplicates(config), *_weights(config)]


def _head(config: CanaryConfig) -> Iterator[Problem]:
    if not config.name:
        yield Problem("must not be empty", "name")
    elif not _NAME.fullmatch(config.name):
        yield Problem("may hold letters, digits, comma, underscore and hyphen", "name")
    if not config.applications:
        yield Problem("must name at least one application", "applications")
    if not config.metrics:
        yield _warning("has no metric: nothing can be judged", "metrics")


def _judge(config: CanaryConfig) -> Iterator[Problem]:
    name = config.judge.name if config.judge else None
    if name and name not in JUDGES:
        message = f"{name!r} is no judge; there are {' and '.join(JUDGES)}"
        yield Problem(message, "judge.name", nearest=nearest(name, JUDGES))
    if name != COMPATIBLE_JUDGE:  # which has no settings
        yield from _refused(lambda: read_judge_options(config), "")


def _metric(config: CanaryConfig, metric: MetricConfig, path: str) -> Iterator[Problem]:
    if not metric.name:
        yield Problem("must not be empty", f"{path}.name")
    if not metric.scope_name:
        yield _warning("is needed when it is judged; usually `default`", f"{path}.scopeName")
    if metric.query is None:
        yield _warning(
            "is missing: only samples that are handed over can be judged", f"{path}.query"
        )
    else:
        yield from _query(config, metric.query, f"{path}.query")
    if metric.exposure_query is not None:
        yield from _query(config, metric.exposure_query, f"{path}.exposureQuery")
    yield from _refused(lambda: read_options(metric), path)
    yield from _refused(lambda: read_evidence_options(metric), path)
    yield from _unknown_texts(metric, f"{path}.analysisConfigurations.canary")


def _refused(read: Callable[[], object], path: str) -> Iterator[Problem]:
    try:
        read()
    except InvalidDocument as refused:
        for problem in refused.problems:
            yield replace(problem, path=f"{path}.{problem.path}".removeprefix("."))


def _unknown_texts(metric: MetricConfig, path: str) -> Iterator[Problem]:
    lookup = Lookup(metric.analysis_configurations.get("canary"), path)
    for keys, names in _CHOICES:
        written = lookup.find(*keys)
        if isinstance(written, str) and written not in names:
            message = f"{written!r} is not one of {', '.join(names)}, and means the default"
            yield _warning(message, ".".join((path, *keys)), nearest(written, names))


def _query(config: CanaryConfig, query: Query, path: str) -> Iterator[Problem]:
    if isinstance(query, RouterQuery):
        yield from _figure(query.metric_name, ROUTER_FIGURES, path)
        yield from _quantile(query, path)
    elif isinstance(query, ProcessQuery):
        yield from _figure(query.metric_name, PROCESS_FIGURES, path)
    else:
        yield from _template(config, query, path)


def _figure(name: str | None, names: tuple[str, ...], path: str) -> Iterator[Problem]:
    if name not in names:
        message = f"{name or ''!r} is not one of {', '.join(names)}"
        yield Problem(message, f"{path}.metricName", nearest=nearest(name or "", names))


def _quantile(query: RouterQuery, path: str) -> Iterator[Problem]:
    if query.metric_name == "latency_quantile":
        if query.quantile is None or not 0 < query.quantile < 1:
            yield Problem("must lie between 0 and 1", f"{path}.quantile")
    elif query.quantile is not None:
        yield _warning("counts only with latency_quantile", f"{path}.quantile")


def _template(config: CanaryConfig, query: Query, path: str) -> Iterator[Problem]:
    inline = getattr(query, "custom_inline_template", None)
    named = getattr(query, "custom_filter_template", None)
    if getattr(query, "custom_filter", None):
        yield Problem("is retired: use customInlineTemplate", f"{path}.customFilter")
    if named and not inline and named not in config.templates:
        message, place = f"there is no template {named!r}", f"{path}.customFilterTemplate"
        yield Problem(message, place, nearest=nearest(named, config.templates.keys()))
    if isinstance(query, PrometheusQuery) and not (inline or named):
        yield from _labels(query, path)


def _labels(query: PrometheusQuery, path: str) -> Iterator[Problem]:
    """Without a template the kind of machine says which labels a server group has."""
    kind = query.resource_type
    if not query.metric_name:
        yield Problem("is missing, and there is no template", f"{path}.metricName")
    elif not kind:
        message = f"without template and resourceType {WITHOUT_LABELS}"
        yield _warning(f"{message}. Only --param resourceType=… can make up for it", path)
    elif kind not in MACHINES:
        place = f"{path}.resourceType"
        yield Problem(f"for {kind!r} {WITHOUT_LABELS}", place, nearest=nearest(kind, MACHINES))


def _duplicates(config: CanaryConfig) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, metric in enumerate(config.metrics):
        if metric.name and metric.name in seen:
            yield Problem(f"Metric name '{metric.name}' is duplicated.", f"metrics[{index}].name")
        seen.add(metric.name)


def _weights(config: CanaryConfig) -> Iterator[Problem]:
    weights = config.classifier.group_weights if config.classifier else {}
    path = "classifier.groupWeights"
    groups = {group for metric in config.metrics for group in metric.groups}
    for group in weights:
        if group not in groups:
            message = f"no metric is in the group {group!r}: its weight is lost"
            yield _warning(message, f"{path}.{group}", nearest(group, groups))
    total, open_groups = sum(weights.values()), groups - weights.keys()
    if open_groups and total >= 100:
        names = ", ".join(sorted(open_groups))
        yield _warning(f"total {total:g} and leave nothing for {names}", path)
    elif weights and not open_groups and abs(total - 100) > 1e-9:
        yield _warning(f"total {total:g}, not 100", path)


def _warning(message: str, path: str, near: str = "") -> Problem:
    return Problem(message, path, nearest=near, severity=Severity.WARNING)
