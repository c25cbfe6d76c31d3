"""From the series of both sides to pairs of the same metric and tags."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.series import (
    MetricSet,
    MetricSetPair,
    PairScopes,
    PairValues,
    SeriesTime,
)
from turnout.model.errors import InvalidDocument, Problem


def pair_all(
    config: CanaryConfig,
    control: Sequence[MetricSet],
    experiment: Sequence[MetricSet],
    new_id: Callable[[], str],
) -> list[MetricSetPair]:
    """All pairs, by the metrics of the configuration in their order.

    A side that lacks some tags has no samples there. Raises `InvalidDocument` when a metric has no
    series at all on a side, or when the two sides are tagged by different keys.
    """
    found = []
    for metric in config.metrics:
        sides = [[one for one in side if one.name == metric.name] for side in (control, experiment)]
        _demand_series(metric.name, *sides)
        found += [pair(*both, new_id()) for both in _match(*sides)]
    return found


def pair(control: MetricSet, experiment: MetricSet, pair_id: str) -> MetricSetPair:
    """One pair. Raises `InvalidDocument` unless both have the same name and tags."""
    if not control.name or not experiment.name:
        raise _refused("", "a metric set has no name")
    if control.name != experiment.name:
        raise _refused(control.name, f"it was to be paired with {experiment.name}")
    if control.tags != experiment.tags:
        raise _refused(control.name, f"tags differ: {control.key} and {experiment.key}")
    return MetricSetPair(
        name=control.name,
        id=pair_id,
        tags=control.tags,
        values=PairValues(control=_filled(control), experiment=_filled(experiment)),
        scopes=PairScopes(control=_time_of(control), experiment=_time_of(experiment)),
        attributes={"control": control.attributes, "experiment": experiment.attributes},
    )


def _demand_series(name: str, control: list[MetricSet], experiment: list[MetricSet]) -> None:
    for side, sets in (("control", control), ("experiment", experiment)):
        if not sets:
            raise _refused(name, f"No {side} metrics found for {name}")
    keys = [{key for one in sets for key in one.tags} for sets in (control, experiment)]
    if all(keys) and keys[0] != keys[1]:
        shown = " and ".join(", ".join(sorted(side)) for side in keys)
        raise _refused(name, f"the two sides have different tag keys: {shown}")


def _match(
    control: list[MetricSet], experiment: list[MetricSet]
) -> list[tuple[MetricSet, MetricSet]]:
    is_bare = [any(not one.tags for one in side) for side in (control, experiment)]
    if is_bare == [True, False]:
        return [(_nothing_like(control[0], one), one) for one in experiment]
    if is_bare == [False, True]:
        return [(one, _nothing_like(experiment[0], one)) for one in control]
    sides = [{_tags(one): one for one in reversed(side)} for side in (control, experiment)]
    ordered = dict.fromkeys(_tags(one) for one in (*control, *experiment))
    return [_complete(control[0], experiment[0], sides, tags) for tags in ordered]


_Tags = tuple[tuple[str, str], ...]


def _complete(
    control: MetricSet, experiment: MetricSet, sides: list[dict[_Tags, MetricSet]], tags: _Tags
) -> tuple[MetricSet, MetricSet]:
    """The sets with these tags; for a side that has none, one without samples."""
    ours, theirs = (side.get(tags) for side in sides)
    return (
        ours if ours is not None else _nothing_like(control, sides[1][tags]),
        theirs if theirs is not None else _nothing_like(experiment, sides[0][tags]),
    )


def _tags(one: MetricSet) -> _Tags:
    return tuple(sorted(one.tags.items()))


def _nothing_like(template: MetricSet, partner: MetricSet) -> MetricSet:
    """A series of the template's length and time without a sample, tagged as its partner."""
    missing = (math.nan,) * template.expected_points
    return template.model_copy(update={"values": missing, "tags": partner.tags})


def _filled(one: MetricSet) -> tuple[float, ...]:
    return (*one.values, *(math.nan,) * (one.expected_points - len(one.values)))


def _time_of(one: MetricSet) -> SeriesTime:
    return SeriesTime(
        start_time_iso=one.start_time_iso,
        start_time_millis=one.start_time_millis,
        step_millis=one.step_millis,
    )


def _refused(name: str, message: str) -> InvalidDocument:
    subject = f"metric {name}" if name else "metrics"
    return InvalidDocument(f"Cannot pair the {subject}: {message}", (Problem(message, name),))
