"""What `CanaryArchive` promises: in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.contract.records import NOON, an_analysis, minutes
from tests.contract.stores import prepared_url
from turnout.model.analysis import ConfigVersion, Judgment
from turnout.model.errors import NotFound
from turnout.ports import CanaryArchive
from turnout.store.sql import SqlStore
from turnout.testing import MemoryCanaryArchive


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def archive(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CanaryArchive]:
    if request.param == "memory":
        yield MemoryCanaryArchive()
        return
    async with SqlStore(prepared_url(request.param, tmp_path, request)) as made:
        yield made


async def _ids(archive: CanaryArchive, **wanted: Any) -> list[str]:
    return [record.analysis.id for record in await archive.list_analyses(**wanted)]


async def test_an_analysis_is_read_back_as_it_was_written(archive: CanaryArchive) -> None:
    record = an_analysis(
        document={"metrics": [{"name": "a\u0000b", "quantile": 0.99}], "é": None},
        history={"thresholds": {"latency": [50, 100.5]}},
        asked_at=minutes(1).astimezone(timezone(timedelta(hours=5))),
    )
    await archive.record_analysis(record)
    assert await archive.read_analysis("a-1") == record


async def test_a_figure_that_is_not_a_number_stays_one(archive: CanaryArchive) -> None:
    await archive.record_analysis(an_analysis(figures={"ratio": math.nan, "e": math.inf}))
    figures = (await archive.read_analysis("a-1")).finding.figures
    assert math.isnan(figures["ratio"])
    assert figures["e"] == math.inf


async def test_a_record_of_the_same_analysis_takes_the_place_of_the_one_before(
    archive: CanaryArchive,
) -> None:
    await archive.record_analysis(an_analysis())
    last = an_analysis(ended_at=minutes(9), is_extended=True)
    await archive.record_analysis(last)
    assert await archive.list_analyses() == (last,)


async def test_an_unknown_analysis_is_not_found(archive: CanaryArchive) -> None:
    with pytest.raises(NotFound, match="a-9"):
        await archive.read_analysis("a-9")
    assert await archive.read_evidence("a-9") == ()
    assert await archive.read_judgment("a-9") is None


async def test_analyses_are_listed_newest_first_and_chosen_by_cluster_and_deployment(
    archive: CanaryArchive,
) -> None:
    for number, (cluster, deployment) in enumerate(
        [("shop", "d-1"), ("cart", "d-2"), ("shop", "d-3"), ("shop", "")]
    ):
        await archive.record_analysis(
            an_analysis(f"a-{number}", cluster=cluster, deployment=deployment, at=minutes(-number))
        )
    await archive.record_analysis(an_analysis("a-00", deployment="d-1", at=NOON))
    assert await _ids(archive) == ["a-00", "a-0", "a-1", "a-2", "a-3"]
    assert await _ids(archive, limit=2) == ["a-00", "a-0"]
    assert await _ids(archive, cluster="shop") == ["a-00", "a-0", "a-2", "a-3"]
    assert await _ids(archive, deployment="d-1") == ["a-00", "a-0"]
    assert await _ids(archive, cluster="cart", deployment="d-1") == []
    await archive.record_analysis(an_analysis("a-00", at=NOON, ended_at=NOON))
    assert await _ids(archive, unfinished=True) == ["a-0", "a-1", "a-2", "a-3"]
    assert await _ids(archive, unfinished=True, cluster="shop") == ["a-0", "a-2", "a-3"]


async def test_evidence_comes_back_by_number_whatever_the_order_in_which_it_came(
    archive: CanaryArchive,
) -> None:
    texts = {number: f'{{"look": {number}, "sign": "é\U0001f600"}}' for number in (10, 2, 0, 9)}
    for number, text in texts.items():
        assert await archive.append_evidence("a-1", number, text)
    await archive.append_evidence("a-2", 1, "of another analysis")
    assert await archive.read_evidence("a-1") == tuple(texts[n] for n in (0, 2, 9, 10))
    assert await archive.read_evidence("a-1", 9) == (texts[9], texts[10])
    assert await archive.read_evidence("a-1", 11) == ()


async def test_evidence_with_a_number_that_is_there_changes_nothing(
    archive: CanaryArchive,
) -> None:
    assert await archive.append_evidence("a-1", 1, "first")
    assert not await archive.append_evidence("a-1", 1, "second")
    assert await archive.read_evidence("a-1") == ("first",)


async def test_of_many_who_write_the_same_number_at_once_one_is_kept(
    archive: CanaryArchive,
) -> None:
    writing = (archive.append_evidence("a-1", 7, str(writer)) for writer in range(20))
    kept = await asyncio.gather(*writing)
    assert sum(kept) == 1
    assert await archive.read_evidence("a-1") == (str(kept.index(True)),)


async def test_evidence_may_be_empty_or_large(archive: CanaryArchive) -> None:
    large = "".join(f"{number}," for number in range(20_000))
    await archive.append_evidence("a-1", 1, "")
    await archive.append_evidence("a-1", 2, large)
    assert await archive.read_evidence("a-1") == ("", large)


async def test_the_first_judgment_counts(archive: CanaryArchive) -> None:
    first = Judgment(analysis="a-1", choice="fail", by="ada", comment="slow", at=NOON)
    second = Judgment(analysis="a-1", choice="pass", by="bob", at=minutes(1))
    assert await archive.read_judgment("a-1") is None
    assert await archive.record_judgment(first) == first
    assert await archive.record_judgment(second) == first
    assert await archive.read_judgment("a-1") == first
    assert await archive.read_judgment("a-2") is None


async def _record(
    archive: CanaryArchive, name: str, document: dict[str, Any], at: datetime = NOON
) -> ConfigVersion:
    return await archive.record_config(name, document, by="ada", at=at)


async def test_versions_of_a_configuration_count_up_from_one(archive: CanaryArchive) -> None:
    one = await _record(archive, "shop", {"metrics": [1, {"a": None}]})
    two = await _record(archive, "shop", {"metrics": [2.5]}, minutes(1))
    other = await _record(archive, "cart", {})
    assert one == ConfigVersion(
        name="shop", version=1, document={"metrics": [1, {"a": None}]}, by="ada", at=NOON
    )
    assert (two.version, other.version) == (2, 1)
    assert await archive.read_config("shop") == two
    assert await archive.read_config("shop", 1) == one
    assert await archive.list_config_versions("shop") == (one, two)
    assert await archive.list_configs() == (other, two)


async def test_the_same_document_makes_no_new_version(archive: CanaryArchive) -> None:
    one = await _record(archive, "shop", {"a": 1, "b": {"c": 2, "d": 3}})
    assert await _record(archive, "shop", {"b": {"d": 3, "c": 2}, "a": 1}, minutes(1)) == one


async def test_an_earlier_document_makes_a_new_version(archive: CanaryArchive) -> None:
    for a in (1, 2, 1):
        await _record(archive, "shop", {"a": a})
    versions = await archive.list_config_versions("shop")
    assert [(v.version, v.document) for v in versions] == [
        (1, {"a": 1}),
        (2, {"a": 2}),
        (3, {"a": 1}),
    ]


async def test_true_is_another_document_than_one(archive: CanaryArchive) -> None:
    await _record(archive, "shop", {"critical": 1})
    changed = await _record(archive, "shop", {"critical": True})
    assert (changed.version, changed.document["critical"]) == (2, True)


async def test_of_many_who_keep_a_configuration_at_once_each_has_a_version(
    archive: CanaryArchive,
) -> None:
    made = await asyncio.gather(*(_record(archive, "shop", {"a": n}) for n in range(10)))
    assert sorted(version.version for version in made) == list(range(1, 11))
    assert {version.document["a"] for version in made} == set(range(10))


async def test_a_configuration_that_is_not_there_is_not_found_with_the_nearest_name(
    archive: CanaryArchive,
) -> None:
    await _record(archive, "shop-web", {})
    with pytest.raises(NotFound, match="shop_wbe") as refused:
        await archive.read_config("shop_wbe")
    assert "'shop-web'" in refused.value.hint
    with pytest.raises(NotFound) as refused:
        await archive.read_config("defaults")
    assert "'default'" in refused.value.hint, "the one that is built in"
    with pytest.raises(NotFound, match="no version 2"):
        await archive.read_config("shop-web", 2)
    with pytest.raises(NotFound):
        await archive.list_config_versions("x")
    with pytest.raises(NotFound):
        await archive.delete_config("x")


async def test_a_deleted_configuration_is_gone_and_begins_anew(archive: CanaryArchive) -> None:
    await _record(archive, "shop", {"a": 1})
    await _record(archive, "shop", {"a": 2})
    await _record(archive, "cart", {})
    await archive.delete_config("shop")
    with pytest.raises(NotFound):
        await archive.read_config("shop")
    assert [config.name for config in await archive.list_configs()] == ["cart"]
    assert (await _record(archive, "shop", {"a": 3})).version == 1
