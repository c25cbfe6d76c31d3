"""Section 5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.analysis.compatible.builders import config, metric
from turnout.analysis.compatible.pairing import pair, pair_all
from turnout.model.canary.document import read_document, to_json_value
from turnout.model.canary.series import MetricSet, MetricSetPair
from turnout.model.errors import InvalidDocument

MINUTE = 60_000


def series(*values: Any, points: int | None = None, name: str = "cpu", **tags: str) -> MetricSet:
    end = MINUTE * (len(values) if points is None else points)
    return read_document(
        MetricSet,
        {
            "name": name,
            "tags": dict(tags),
            "startTimeMillis": 0,
            "endTimeMillis": end,
            "stepMillis": MINUTE,
            "values": list(values),
        },
    )


def counter() -> Callable[[], str]:
    numbers = iter(range(100))
    return lambda: f"id-{next(numbers)}"


def paired(control: list[MetricSet], experiment: list[MetricSet], *names: str) -> list[Any]:
    document = config(*(metric(name) for name in names or ("cpu",)))
    pairs = pair_all(document, control, experiment, counter())
    return [(one.tags, shown(one)) for one in pairs]


def shown(one: MetricSetPair) -> tuple[list[Any], list[Any]]:
    values: Any = to_json_value(one.values)
    return values["control"], values["experiment"]


def test_sets_of_the_same_tags_are_paired() -> None:
    control = [series(1, zone="a"), series(2, zone="b")]
    experiment = [series(4, zone="b"), series(3, zone="a")]
    assert paired(control, experiment) == [
        ({"zone": "a"}, ([1], [3])),
        ({"zone": "b"}, ([2], [4])),
    ]


def test_a_side_that_lacks_tags_has_no_samples_there() -> None:
    control, experiment = [series(1, 2, zone="a")], [series(3, 4, 5, zone="b")]
    assert paired(control, experiment) == [
        ({"zone": "a"}, ([1, 2], ["NaN"] * 3)),
        ({"zone": "b"}, (["NaN"] * 2, [3, 4, 5])),
    ]


def test_an_untagged_side_gives_its_length_and_loses_its_samples() -> None:
    bare, tagged = [series(7, points=2)], [series(1, zone="a"), series(2, zone="b")]
    assert paired(bare, tagged) == [
        ({"zone": "a"}, (["NaN"] * 2, [1])),
        ({"zone": "b"}, (["NaN"] * 2, [2])),
    ]
    assert paired(tagged, bare) == [
        ({"zone": "a"}, ([1], ["NaN"] * 2)),
        ({"zone": "b"}, ([2], ["NaN"] * 2)),
    ]


def test_short_series_are_filled_up_at_their_end() -> None:
    assert paired([series(1, points=3)], [series(2, 3)]) == [({}, ([1, "NaN", "NaN"], [2, 3]))]


def test_pairs_come_in_the_order_of_the_configuration() -> None:
    sets = [series(1, name="a"), series(1, name="b"), series(1, name="unasked")]
    found = pair_all(config(metric("b"), metric("a")), sets, sets, counter())
    assert [(one.name, one.id) for one in found] == [("b", "id-0"), ("a", "id-1")]


def test_a_metric_without_series_on_a_side_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="No control metrics found for cpu"):
        paired([], [series(1)])
    with pytest.raises(InvalidDocument, match="No experiment metrics found for cpu"):
        paired([series(1)], [])


def test_sides_with_different_tag_keys_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="different tag keys: zone and host"):
        paired([series(1, zone="a")], [series(1, host="a")])


@pytest.mark.parametrize(
    ("control", "experiment"),
    [
        (series(1, name=""), series(1, name="")),
        (series(1, name="a"), series(1, name="b")),
        (series(1, zone="a"), series(1, zone="b")),
    ],
)
def test_a_pair_is_of_one_name_and_one_set_of_tags(
    control: MetricSet, experiment: MetricSet
) -> None:
    with pytest.raises(InvalidDocument):
        pair(control, experiment, "1")


def test_a_pair_carries_times_and_attributes_of_both_sides() -> None:
    control = series(1).model_copy(update={"attributes": {"query": "q"}})
    written: Any = to_json_value(pair(control, series(2), "x"))
    assert written["scopes"]["control"] == {"startTimeMillis": 0, "stepMillis": MINUTE}
    assert written["attributes"] == {"control": {"query": "q"}, "experiment": {}}


def test_a_set_is_known_by_name_and_sorted_tags() -> None:
    assert series(1, zone="a", host="h").key == "cpu -> {host:h, zone:a}"
    with pytest.raises(ValueError, match="name"):
        _ = series(1, name="").key


def test_without_a_step_no_points_are_expected() -> None:
    assert read_document(MetricSet, {"name": "a", "endTimeMillis": 9}).expected_points == 0
    assert (
        read_document(
            MetricSet, {"name": "a", "endTimeMillis": 179_999, "stepMillis": MINUTE}
        ).expected_points
        == 2
    )
