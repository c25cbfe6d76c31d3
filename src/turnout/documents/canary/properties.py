"""Properties that nobody reads: kept, but perhaps mistyped."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue

from turnout.model.canary.configuration import (
    COMPATIBLE_JUDGE,
    CanaryConfig,
    JudgeChoice,
    MetricConfig,
)
from turnout.model.canary.document import Document
from turnout.model.errors import Problem, Severity
from turnout.model.words import nearest

Below = Mapping[str, "Below"]
"""Names, with what may stand below each."""

JUDGE_SETTINGS: Below = {"alpha": {}, "beta": {}}
"""Of our judge, in `judge.judgeConfigurations`."""

ANALYSIS: Below = {
    "canary": {
        "direction": {},
        "nanStrategy": {},
        "critical": {},
        "mustHaveData": {},
        "muted": {},
        "outliers": {"strategy": {}, "outlierFactor": {}},
        "effectSize": {
            "measure": {},
            "allowedIncrease": {},
            "allowedDecrease": {},
            "criticalIncrease": {},
            "criticalDecrease": {},
        },
        "kind": {},
        "margin": {},
        "harmOfInterest": {},
        "thresholdsMs": {},
        "dispersion": {},
        "step": {},
    }
}
"""Of a metric, in `analysisConfigurations`: Kayenta's, and from `kind` on ours."""

_IGNORED = frozenset({"serviceType"})
"""What documents of Kayenta repeat, with the same meaning as `type`."""


def unknown_properties(config: CanaryConfig) -> Iterator[Problem]:
    """A warning for each, with the name that was probably meant."""
    yield from _in_document(config, "")


def _in_document(document: Document, path: str) -> Iterator[Problem]:
    names = field_names(type(document))
    for extra in document.model_extra or {}:
        if extra not in _IGNORED:
            yield _warning(extra, path, names)
    for field, name in zip(type(document).model_fields, names, strict=True):
        yield from _in_value(getattr(document, field), _join(path, name))
    if isinstance(document, MetricConfig):
        free = document.analysis_configurations
        yield from _in_free(free, ANALYSIS, _join(path, "analysisConfigurations"))
    if isinstance(document, JudgeChoice) and document.name != COMPATIBLE_JUDGE:
        settings = document.judge_configurations
        yield from _in_free(settings, JUDGE_SETTINGS, _join(path, "judgeConfigurations"))


def _in_value(value: object, path: str) -> Iterator[Problem]:
    if isinstance(value, Document):
        yield from _in_document(value, path)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _in_value(item, f"{path}[{index}]")


def _in_free(value: JsonValue, known: Below, path: str) -> Iterator[Problem]:
    """In a part that has no fields of its own. What has the wrong type is told elsewhere."""
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if name not in known:
            yield _warning(name, path, known)
        elif known[name]:
            yield from _in_free(item, known[name], _join(path, name))


def field_names(kind: type[Document]) -> list[str]:
    """The names of its fields in JSON."""
    return [field.alias or name for name, field in kind.model_fields.items()]


def _warning(name: str, path: str, names: Collection[str]) -> Problem:
    return Problem(
        "is not known here; it is kept, and means nothing",
        _join(path, name),
        nearest=nearest(name, names),
        severity=Severity.WARNING,
    )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
