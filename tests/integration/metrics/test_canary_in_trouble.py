"""A canary that is judged by a real adapter, of a metrics system that is in trouble."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
import stamina

from tests.contract.metrics.web import Asked, Reply, Web, serving
from tests.unit.canary.house import CANARY, House, config, store_metric
from turnout.canary.analyst import LiveAnalyst
from turnout.metrics import open_sources
from turnout.metrics.accounts import Account
from turnout.model.analysis import AnalysisVerdict


@pytest.fixture(autouse=True)
def pauses_take_no_time() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as found:
        yield found


def figures(asked: Asked, now: datetime) -> Reply:
    """A hundred requests a minute for everybody; ten of the canary's fail, one of the others."""
    start, end = (
        datetime.fromisoformat(asked.params[name]).timestamp() for name in ("start", "end")
    )
    failed = "10" if CANARY in asked.params["query"] else "1"
    value = failed if "errors" in asked.params["query"] else "100"
    times = range(int(start), int(end), int(asked.params["step"]))
    result = [{"metric": {}, "values": [[time, value] for time in times]}]
    return dated(Reply({"status": "success", "data": {"result": result}}), now)


def dated(reply: Reply, now: datetime) -> Reply:
    """As of the store's clock."""
    return replace(reply, headers={**reply.headers, "date": format_datetime(now, usegmt=True)})


TROUBLE = {
    "overloaded": Reply({}, 429, {"retry-after": "1"}),
    "out of order": Reply(b"busy", 503),
    "half of the JSON": Reply({"status": "success", "data": {"result": []}}, cut=20),
    "not JSON": Reply(b"<html>log in</html>"),
    "a part of the series": Reply({"isPartial": True, "data": {"result": []}}),
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
@pytest.mark.parametrize("skew", [timedelta(0), timedelta(minutes=3)])
async def test_a_store_in_trouble_is_told_and_made_up_for_and_so_is_its_clock(
    web: Web, trouble: Reply, skew: timedelta
) -> None:
    def query(name: str) -> dict[str, str]:
        template = f'PromQL:{name}{{group="${{scope}}"}}'
        return {"type": "prometheus", "customInlineTemplate": template}

    judged = store_metric("errors", "proportion", "errors")
    judged |= {"query": query("errors"), "exposureQuery": query("requests")}
    house = House(configuration=config(judged), duration=timedelta(minutes=30))
    account = Account(
        name="prod", type="prometheus", url=web.url, options={"scope_label": "instance"}
    )
    async with open_sources([account], house.clock) as sources:
        house.analyst = LiveAnalyst(
            sources,
            house.archive,  # type: ignore[arg-type]  # what is needed of it
            house.clock,
            lambda: house.configuration,
            lambda: sources.warnings,
        )
        web.answer = lambda _: dated(trouble, house.clock.now() + skew)
        finding = await house.wait(150, 10)
        assert finding.verdict is AnalysisVerdict.RUNNING
        assert re.search(r"; errors: .*\bprod\b", finding.sentence)
        web.answer = lambda asked: figures(asked, house.clock.now() + skew)
        finding = await house.wait(900, 10)
    assert finding.verdict is AnalysisVerdict.FAIL
    assert "Errors: 10 % of " in finding.sentence
    assert ("The clock of prod is 180 s ahead of ours" in finding.sentence) == bool(skew)
