from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.unit.metrics.scopes import scope
from turnout.metrics import Account, Sources, open_sources
from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent
from turnout.model.samples import Series
from turnout.testing.world import MemoryClock, World


def query(kind: str, **fields: Any) -> Query:
    read: TypeAdapter[Query] = TypeAdapter(Query)
    return read.validate_python({"type": kind, **fields})


def prometheus(name: str, label: str, *, is_default: bool = False) -> Account:
    return Account(
        name, "prometheus", "http://p", is_default=is_default, options={"scope_label": label}
    )


CPU = {"metricName": "cpu", "resourceType": "gce_instance"}
ONE, TWO = prometheus("one", "pod"), prometheus("two", "host")


async def described(asked: Query, *accounts: Account) -> str:
    async with open_sources(accounts, MemoryClock(World())) as sources:
        return sources.describe(asked, scope(), {})


async def refusal(asked: Query, *accounts: Account) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as found:
        await described(asked, *accounts)
    return found.value


async def test_the_only_account_of_a_type_is_taken() -> None:
    assert "pod=~" in await described(query("prometheus", **CPU), ONE)


async def test_the_account_that_a_query_names_is_taken() -> None:
    assert "host=~" in await described(query("prometheus", account="two", **CPU), ONE, TWO)


async def test_the_default_is_taken_when_none_is_named() -> None:
    default = prometheus("three", "job", is_default=True)
    assert "job=~" in await described(query("prometheus", **CPU), ONE, TWO, default)


async def test_which_of_several_is_meant_must_be_said() -> None:
    (problem,) = (await refusal(query("prometheus", **CPU), ONE, TWO)).problems
    assert problem.path == "query.account"
    assert "there are one, two" in problem.message


async def test_an_account_that_is_not_there_is_told_with_the_nearest() -> None:
    (problem,) = (await refusal(query("prometheus", account="tvo"), ONE, TWO)).problems
    assert (problem.path, problem.nearest) == ("query.account", "two")


async def test_an_account_of_another_type_is_not_taken() -> None:
    other = Account("g", "graphite", "http://g")
    assert "query.account" in str(await refusal(query("prometheus", account="g"), ONE, other))


@pytest.mark.parametrize("kind", ["stackdriver", "signalfx", "wavefront", "atlas"])
async def test_a_type_without_a_source_is_told_with_what_exists(kind: str) -> None:
    said = (await refusal(query(kind), ONE)).message
    assert f"no source for {kind}: it is not supported; there are sources for prometheus" in said


async def test_a_type_without_an_account_is_told_so() -> None:
    said = (await refusal(query("datadog"))).message
    assert "no source for datadog: no account of this type; there are sources for none" in said


class Router:
    """A source of our own."""

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        return f"{query.type} of {scope.scope}"

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        return ()


async def opened_with_router() -> Sources:
    async with open_sources([ONE], MemoryClock(World()), {"router": Router()}) as sources:
        return sources


async def test_sources_of_our_own_stand_beside_the_accounts() -> None:
    sources = await opened_with_router()
    assert sources.types == ("prometheus", "router")
    assert sources.describe(query("router"), scope(), {}) == "router of shop-v002"
    assert await sources.fetch(query("router"), scope(), {}) == ()


async def test_fetching_without_a_source_is_no_use_to_repeat() -> None:
    sources = await opened_with_router()
    with pytest.raises(Permanent, match="no source for process"):
        await sources.fetch(query("process"), scope(), {})
