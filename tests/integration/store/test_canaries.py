"""What `SqlStore` promises about canaries beyond its port: what is forgotten, two servers at once,
size."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.records import NOON, a_deployment, an_analysis
from turnout.model.analysis import Judgment
from turnout.model.deployment import Status
from turnout.store import retention
from turnout.store.database import sqlite_url
from turnout.store.migration import migrate
from turnout.store.retention import Pruned
from turnout.store.sql import SqlStore

DAY = timedelta(days=1)


async def _write_analyses(store: SqlStore) -> None:
    """Ended ones that nobody's deployment asked for, a day apart, and one that goes on."""
    for day in range(3):
        at = NOON - day * DAY
        name = f"free-{day}"
        await store.record_analysis(an_analysis(name, at=at, ended_at=at))
        await store.append_evidence(name, 1, "seen")
        await store.record_judgment(Judgment(analysis=name, choice="pass", at=at))
    await store.record_analysis(an_analysis("free-running", at=NOON - 99 * DAY))


async def _analyses(store: SqlStore) -> list[str]:
    return [record.analysis.id for record in await store.list_analyses()]


async def test_old_deployments_are_forgotten_with_their_analyses(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EVIDENCE_AT_ONCE", 2)
    async with SqlStore(url) as store:
        for day in (6, 7):
            at = NOON - day * DAY
            ended = a_deployment(f"shop-{day}", at=at, status=Status.SUCCEEDED, ended_at=at)
            await store.record_deployment(ended)
            name = f"a-{day}"
            await store.record_analysis(an_analysis(name, deployment=f"shop-{day}"))
            for number in range(5):
                await store.append_evidence(name, number, "seen")
            await store.record_judgment(Judgment(analysis=name, choice="pass", at=NOON))
        pruned = await store.prune(now=NOON + timedelta(minutes=1), keep_days=7)
        assert pruned == Pruned(deployments=1, analyses=1)
        assert await _analyses(store) == ["a-6"]
        assert await store.read_evidence("a-7") == ()
        assert await store.read_judgment("a-7") is None
        assert len(await store.read_evidence("a-6")) == 5
        assert await store.read_judgment("a-6") is not None


async def test_old_analyses_of_no_deployment_are_forgotten_once_they_have_ended(url: str) -> None:
    async with SqlStore(url) as store:
        await _write_analyses(store)
        await store.record_analysis(
            an_analysis("a-lost", deployment="gone", at=NOON - 5 * DAY, ended_at=NOON - 5 * DAY)
        )
        assert await store.prune(now=NOON + timedelta(minutes=1), keep_days=2) == Pruned(analyses=2)
        assert await _analyses(store) == ["free-0", "free-1", "free-running"]
        assert await store.read_evidence("free-2") == ()
        assert await store.read_judgment("free-2") is None
        assert await store.read_evidence("free-1") == ("seen",)


async def test_an_analysis_stays_as_long_as_its_deployment(url: str) -> None:
    async with SqlStore(url) as store:
        await store.record_deployment(a_deployment("kept", status=Status.SUCCEEDED, ended_at=NOON))
        await store.record_analysis(
            an_analysis("a-1", deployment="kept", at=NOON - DAY, ended_at=NOON - DAY)
        )
        await store.prune(now=NOON + 9 * DAY, keep_days=1, keep_last=1)
        assert await _analyses(store) == ["a-1"]


async def test_configurations_that_two_servers_keep_at_once_have_versions_of_their_own(
    url: str,
) -> None:
    async with SqlStore(url) as one, SqlStore(url) as other:
        made = await asyncio.gather(
            *(
                store.record_config("shop", {"a": number, "b": side}, by="ada", at=NOON)
                for number in range(20)
                for side, store in enumerate((one, other))
            )
        )
        assert sorted(version.version for version in made) == list(range(1, 41))
        assert len(await one.list_config_versions("shop")) == 40


async def test_evidence_takes_less_than_half_of_its_text(tmp_path: Path) -> None:
    """Of 600 looks at five metrics, each with 30 samples a side."""
    path = tmp_path / "turnout.db"
    await migrate(sqlite_url(path))
    empty = path.stat().st_size
    texts = [_evidence(random.Random(seed)) for seed in range(600)]
    async with SqlStore(sqlite_url(path)) as store:
        for number, text in enumerate(texts):
            await store.append_evidence("a-1", number, text)
    ratio = (path.stat().st_size - empty) / sum(map(len, texts))
    assert ratio < 0.5, f"{ratio:.2f}"


def _evidence(chance: random.Random) -> str:
    sides = ("control", "experiment")
    samples = {
        f"metric-{metric}": {side: [chance.randrange(200) for _ in range(30)] for side in sides}
        for metric in range(5)
    }
    return json.dumps(samples)
