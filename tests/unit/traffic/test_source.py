from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from turnout.history import History, Look, Values
from turnout.model.canary.queries import ProcessQuery, Query, RouterQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent, Temporary
from turnout.model.samples import Series
from turnout.model.traffic import GroupTraffic
from turnout.traffic.columns import build_values, read_traffic
from turnout.traffic.source import RouterSource

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOUNDS = (5.0, 10.0, 100.0, 60000.0)
NAN: Any = pytest.approx(math.nan, nan_ok=True)  # equals itself


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def scope(end: int, step: int, *, group: str = "shop-v001", **more: str) -> CanaryScope:
    return CanaryScope(
        scope=group,
        location=more.pop("location", None),
        start=NOON,
        end=at(end),
        step=step,
        extended_scope_params=more,
    )


def query(metric: str, quantile: float | None = None) -> Query:
    return RouterQuery(type="router", metric_name=metric, quantile=quantile)


TRAFFIC = GroupTraffic(
    requests=10,
    failed=2,
    client_errors=1,
    timeouts=3,
    resets=4,
    latency_ms=((5.0, 4), (10.0, 7), (100.0, 9), (60000.0, 10)),
)


@pytest.fixture
async def history(tmp_path: Path) -> History:
    """Two busy minutes and a quiet one; in the last ten seconds nobody has looked."""
    kept = History(tmp_path / "router", hours=10)
    for second in range(170):
        values: Values = build_values(TRAFFIC) if second < 120 else {}
        await kept.note(Look(at(second + 1).timestamp(), 1, {"shop-v001": values}))
    return kept


@pytest.fixture
def source(history: History) -> RouterSource:
    return RouterSource(history, BOUNDS)


@pytest.mark.parametrize(
    ("metric", "a_second"),
    [("requests", 10), ("errors", 2), ("client_errors", 1), ("timeouts", 3), ("resets", 4)],
)
async def test_counters_are_summed_per_step(
    source: RouterSource, metric: str, a_second: int
) -> None:
    (coarse,) = await source.fetch(query(metric), scope(180, 60), {})
    assert list(coarse.values) == [60 * a_second, 60 * a_second, NAN]
    (fine,) = await source.fetch(query(metric), scope(170, 10), {})
    assert list(fine.values) == [10 * a_second] * 12 + [0] * 5
    assert (fine.start, fine.step) == (NOON, timedelta(seconds=10))


async def test_tails_are_the_requests_above_each_bound(source: RouterSource) -> None:
    found = await source.fetch(query("latency"), scope(130, 65), {})
    assert [(series.tags, series.values) for series in found] == [
        ({"above_ms": "0"}, (650, 550)),
        ({"above_ms": "5"}, (390, 330)),
        ({"above_ms": "10"}, (195, 165)),
        ({"above_ms": "100"}, (65, 55)),
    ]


async def test_tails_are_at_the_bounds_that_are_nearest_to_the_wanted_ones(
    source: RouterSource,
) -> None:
    wanted = scope(60, 60, thresholdsMs="8, 11,80, 90000")
    found = await source.fetch(query("latency"), wanted, {})
    assert [series.tags["above_ms"] for series in found] == ["0", "10", "100"]


async def test_a_quantile_is_interpolated_and_missing_without_requests(
    source: RouterSource,
) -> None:
    (found,) = await source.fetch(query("latency_quantile", 0.55), scope(180, 60), {})
    assert found.values == (5 + 5 * (5.5 - 4) / 3, 5 + 5 * (5.5 - 4) / 3, NAN)
    (quiet,) = await source.fetch(query("latency_quantile", 0.5), scope(170, 10), {})
    assert quiet.values[12:] == (NAN,) * 5


async def test_a_group_that_nobody_has_counted_has_no_series(source: RouterSource) -> None:
    assert await source.fetch(query("requests"), scope(60, 60, group="shop-v009"), {}) == ()


async def test_a_group_that_is_gone_is_known_as_long_as_its_figures_are_kept(
    history: History, source: RouterSource, tmp_path: Path
) -> None:
    for second in range(170, 400):
        await history.note(Look(at(second + 1).timestamp(), 1, {"shop-v002": {}}))
    expected = await source.fetch(query("requests"), scope(300, 60), {})
    assert [series.values for series in expected] == [(600, 600, NAN, NAN, NAN)]
    await history.flush()
    other = RouterSource(History(tmp_path / "router", hours=10), BOUNDS)
    assert repr(await other.fetch(query("requests"), scope(300, 60), {})) == repr(expected)


async def test_steps_are_complete_until_the_last_look(source: RouterSource) -> None:
    assert source.complete_until() == at(170)


async def test_every_series_is_as_long_as_its_window(source: RouterSource) -> None:
    for metric in ("requests", "latency", "latency_quantile"):
        found = await source.fetch(query(metric, 0.99), scope(1000, 7), {})
        assert {len(series.values) for series in found} == {142}


async def test_a_folder_that_cannot_be_read_is_worth_asking_again(
    source: RouterSource, history: History, tmp_path: Path
) -> None:
    await history.flush()
    (file,) = (tmp_path / "router").iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(Temporary, match="shop-v001"):
        await source.fetch(query("requests"), scope(60, 60), {})


@pytest.mark.parametrize(
    ("asked", "within", "place"),
    [
        (ProcessQuery(type="process", metric_name="cpu"), scope(60, 60), "query.type"),
        (query("speed"), scope(60, 60), "query.metricName"),
        (query("latency_quantile"), scope(60, 60), "query.quantile"),
        (query("latency_quantile", 1.0), scope(60, 60), "query.quantile"),
        (query("requests"), scope(60, 0), "step"),
        (query("requests"), scope(2_000_000, 1), "step"),
        (query("requests"), scope(60, 60, group=""), "scope"),
        (query("requests"), scope(60, 60, location="web"), "location"),
        (query("latency"), scope(60, 60, thresholdsMs="fast"), "extendedScopeParams.thresholdsMs"),
    ],
)
async def test_a_wrong_question_is_told_with_its_place(
    source: RouterSource, asked: Query, within: CanaryScope, place: str
) -> None:
    with pytest.raises(InvalidDocument) as told:
        source.describe(asked, within, {})
    assert told.value.problems[0].path == place
    with pytest.raises(Permanent, match=told.value.problems[0].message[:5]):
        await source.fetch(asked, within, {})


def test_a_question_is_told_in_words(source: RouterSource) -> None:
    within = scope(60, 10, location="shop", thresholdsMs="100")
    assert source.describe(query("errors"), within, {}) == (
        "errors of shop-v001, as the router counted, per 10 s"
    )
    assert source.describe(query("latency"), within, {}) == (
        "requests slower than 100 ms of shop-v001, as the router counted, per 10 s"
    )
    assert source.describe(query("latency_quantile", 0.99), within, {}) == (
        "latency in ms that 0.99 of the requests kept to of shop-v001, as the router counted, "
        "per 10 s"
    )


def test_columns_and_traffic_are_the_same_thing() -> None:
    assert read_traffic([build_values(TRAFFIC)]) == TRAFFIC
    assert read_traffic([build_values(TRAFFIC)] * 2).latency_ms[-1] == (60000.0, 20)
    assert read_traffic([]) == GroupTraffic()
    assert Series(start=NOON, step=timedelta(1), values=()).end == NOON
