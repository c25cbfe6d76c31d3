"""What every source of figures keeps, for real stores and for those that we cannot run here."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.metrics import hosted, real
from tests.contract.metrics.world import MINUTES, START, Stage
from tests.ports import choose_port
from turnout.metrics import Sources, open_sources
from turnout.metrics.accounts import Account
from turnout.metrics.secrets import Secret
from turnout.model.errors import Permanent, Temporary
from turnout.model.samples import Series
from turnout.server.clock import SystemClock

REAL = {"prometheus": real.prometheus, "influxdb": real.influxdb, "graphite": real.graphite}
HOSTED = {
    "datadog": hosted.datadog,
    "newrelic": hosted.newrelic,
    "cloudwatch": hosted.cloudwatch,
}


class Plant:
    """Real stores, each started when it is needed first."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._stages: dict[str, Stage] = {}

    def stage(self, name: str) -> Stage:
        if name not in self._stages:
            folder = self._folder / name
            folder.mkdir()
            self._stages[name] = self._stack.enter_context(REAL[name](folder))
        return self._stages[name]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with ExitStack() as stack:
        yield Plant(tmp_path_factory.mktemp("stores"), stack)


@pytest.fixture(params=[*REAL, *HOSTED])
async def stage(request: pytest.FixtureRequest, plant: Plant) -> AsyncIterator[Stage]:
    if request.param in REAL:
        yield plant.stage(request.param)
        return
    async with HOSTED[request.param]() as found:
        yield found


@pytest.fixture
async def sources(stage: Stage) -> AsyncIterator[Sources]:
    async with opened(stage.account) as found:
        yield found


def opened(account: Account) -> AbstractAsyncContextManager[Sources]:
    return open_sources([account], SystemClock())


def shown(series: Series) -> list[float | None]:
    return [None if math.isnan(value) else value for value in series.values]


async def test_every_sample_is_in_its_step(stage: Stage, sources: Sources) -> None:
    (series,) = await sources.fetch(stage.query, stage.scope("steady"), {})
    assert shown(series) == list(range(MINUTES))
    assert series.step == timedelta(minutes=1)
    assert series.start.timestamp() == START


async def test_a_gap_is_missing_and_not_zero(stage: Stage, sources: Sources) -> None:
    (series,) = await sources.fetch(stage.query, stage.scope("gappy"), {})
    found = shown(series)
    assert found[:10] == list(range(10))
    assert found[10 : 10 + stage.carried] == [9] * stage.carried
    assert found[10 + stage.carried : 20] == [None] * (10 - stage.carried)
    assert found[20:] == list(range(20, 30))


async def test_the_end_belongs_to_the_next_window(stage: Stage, sources: Sources) -> None:
    (series,) = await sources.fetch(stage.query, stage.scope("steady", minutes=3), {})
    assert shown(series) == [0, 1, 2]


async def test_a_later_start_is_the_first_step(stage: Stage, sources: Sources) -> None:
    scope = stage.scope("steady", minutes=3, offset=120)
    (series,) = await sources.fetch(stage.query, scope, {})
    assert (series.start, shown(series)) == (scope.start, [2, 3, 4])


async def test_what_the_store_does_not_know_is_missing(stage: Stage, sources: Sources) -> None:
    found = await sources.fetch(stage.query, stage.scope("unheard"), {})
    assert [shown(series) for series in found] == [[None] * MINUTES]


async def test_series_are_told_apart_by_tags(stage: Stage, sources: Sources) -> None:
    if stage.account.type == "cloudwatch":
        return  # one metric is one series there
    found = await sources.fetch(stage.query, stage.scope("zoned"), {})
    by_first = sorted(found, key=lambda series: series.values[0])
    assert tuple(series.tags for series in by_first) == stage.zone_tags
    assert [shown(series)[:2] for series in by_first] == [[0, 1], [100, 101]]


async def test_a_query_that_the_store_refuses_is_not_asked_again(
    stage: Stage, sources: Sources
) -> None:
    with pytest.raises(Permanent, match=f"{stage.account.name}"):
        await sources.fetch(stage.wrong, stage.scope("steady"), {})


async def test_a_scope_without_a_whole_step_is_refused(stage: Stage, sources: Sources) -> None:
    with pytest.raises(Permanent, match=r"scope\.end"):
        await sources.fetch(stage.query, stage.scope("steady", step=3600), {})


async def test_a_store_that_is_down_is_worth_asking_again(stage: Stage) -> None:
    port = choose_port()
    account = replace(stage.account, url=f"http://127.0.0.1:{port}")
    async with opened(account) as sources:
        with pytest.raises(Temporary, match=str(port)):
            await sources.fetch(stage.query, stage.scope("steady"), {})


async def test_who_is_not_let_in_learns_which_account_it_is(stage: Stage) -> None:
    if not stage.account.secrets:
        return  # it lets everybody in
    wrong = {name: Secret("not-the-secret") for name in stage.account.secrets}
    async with opened(replace(stage.account, secrets=wrong)) as sources:
        with pytest.raises(Permanent, match=stage.account.name) as refusal:
            await sources.fetch(stage.query, stage.scope("steady"), {})
    assert "not-the-secret" not in f"{refusal.value} {refusal.value.hint}"
    assert stage.account.name in refusal.value.hint


async def test_the_text_of_a_query_is_known_without_asking(stage: Stage) -> None:
    port = choose_port()
    account = replace(stage.account, url=f"http://127.0.0.1:{port}")
    async with opened(account) as sources:
        assert "steady" in sources.describe(stage.query, stage.scope("steady"), {})


async def test_many_are_asked_side_by_side_and_fail_alone(stage: Stage, sources: Sources) -> None:
    scope = stage.scope("steady", minutes=5)
    asked = [sources.fetch(query, scope, {}) for query in (stage.query, stage.wrong, stage.query)]
    first, failed, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(failed, Permanent)
    assert not isinstance(first, BaseException)
    assert first == last
    assert shown(first[0]) == [0, 1, 2, 3, 4]


async def test_prometheus_gives_more_steps_than_one_answer_holds(plant: Plant) -> None:
    """It refuses more than 11 000 points at once; three hours second by second have 10 800, six
    have twice as many."""
    stage = plant.stage("prometheus")
    async with opened(stage.account) as sources:
        scope = stage.scope("steady", minutes=360, step=1)
        (series,) = await sources.fetch(stage.query, scope, {})
    assert len(series.values) == 6 * 3600
    assert series.values[: 60 * MINUTES : 60] == tuple(range(MINUTES))


async def test_new_relic_is_asked_for_a_long_time_in_parts() -> None:
    """It has no more than 366 buckets; its stand-in refuses more."""
    async with hosted.newrelic() as stage, opened(stage.account) as sources:
        scope = stage.scope("steady", minutes=1000)
        (series,) = await sources.fetch(stage.query, scope, {})
    assert shown(series) == [*range(MINUTES), *[None] * (1000 - MINUTES)]


async def test_a_wrong_prefix_is_told_with_the_address(plant: Plant) -> None:
    stage = plant.stage("prometheus")
    account = replace(stage.account, url=stage.account.url + "/nowhere")
    async with opened(account) as sources:
        with pytest.raises((Permanent, Temporary), match="/nowhere/api/v1/query_range"):
            await sources.fetch(stage.query, stage.scope("steady"), {})
