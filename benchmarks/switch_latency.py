"""How fast a change of the split takes effect: Turnout's router, all of Turnout, and nginx."""

from __future__ import annotations

import asyncio
import gc
import math
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.frame import Size, run, say
from benchmarks.nginx import Nginx
from benchmarks.outcome import Outcome, Table, below, none_of, spread
from benchmarks.stage import deployed, group_of, running_plant, succeeded
from benchmarks.witnesses import RATE, Witnesses
from tests.e2e.api import Api
from tests.e2e.services import Shop
from tests.ports import choose_port
from turnout.logs import configure_logs
from turnout.model.servers import ServerGroup
from turnout.model.traffic import Endpoint, EndpointState, Listener
from turnout.testing.load import LoadProcess, Report
from turnout.traffic.envoy import EnvoyRouter

BELOW = 50.0
ROUND = 20
"""Changes in a row of one contestant; then comes the next one, so that all share good and bad
moments of the machine."""

APART = 0.3
"""Seconds from the confirmation of a change to the next one."""

ROUTER, WHOLE, NGINX = "Turnout's router", "Turnout, by command", "nginx, by reload"
CONFIRMED = "decision to confirmation"
FIRST = "decision to the first request to the new version"
LAST = "decision to the last request to the old version"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the split, in seconds since 1970. What nobody said is not a number."""

    old: str
    new: str
    decided: float
    """When whoever decides had the change begin."""
    requested: float
    """When the router was asked."""
    confirmed: float
    """When it had proven it."""
    over: float


class Contestant(Protocol):
    """Somebody who can send all traffic to another version."""

    url: str

    async def change(self, old: str, new: str) -> Change:
        """Do it, and return some time after it is in force."""
        ...


@dataclass(slots=True)
class Score:
    """All changes of one contestant, with what a steady load saw of them."""

    decided_to: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in (CONFIRMED, FIRST, LAST)}
    )
    requested_to_confirmed: list[float] = field(default_factory=list)
    requests: int = 0
    lost: int = 0
    lag_ms: float = 0.0


async def measure(size: Size) -> Outcome:
    """Changes of the split between two versions of a shop under a steady load."""
    scores: dict[str, Score] = {}
    configure_logs("warning", "console")  # one of the routers works in this process
    async with _contestants() as contestants:
        gc.collect()
        gc.freeze()  # as the server does: else what was loaded is looked through now and then
        scores |= {name: Score() for name in contestants}
        rounds = math.ceil(size.count / ROUND)
        for number in range(rounds):
            changes = min(ROUND, size.count - number * ROUND)
            for name, contestant in contestants.items():
                await _play(contestant, changes, scores[name])
            say(f"round {number + 1} of {rounds}: {changes} changes each")
    return _build_outcome(size.count, scores)


async def _play(contestant: Contestant, count: int, score: Score) -> None:
    versions = ["1", "2"]
    changes = []
    async with LoadProcess(contestant.url, rate=RATE, strict=True) as load:
        for _ in range(count):
            changes.append(await contestant.change(*versions))
            versions.reverse()
        report = await load.stop()
        if count % 2:
            await contestant.change(*versions)
    _add(score, changes, report)


def _add(score: Score, changes: list[Change], report: Report) -> None:
    witnesses = Witnesses(report)
    for change in changes:
        span = (change.decided, change.over)
        found = {
            CONFIRMED: change.confirmed,
            FIRST: witnesses.first(change.new, *span),
            LAST: witnesses.last(change.old, *span),
        }
        for name, at in found.items():
            score.decided_to[name].append(1000 * (at - change.decided))
        score.requested_to_confirmed.append(1000 * (change.confirmed - change.requested))
    score.requests += report.requests
    score.lost += report.failed + report.unaccounted
    score.lag_ms = max(score.lag_ms, report.lag_ms)


# The contestants: three proxies before the same instances.


@asynccontextmanager
async def _contestants() -> AsyncIterator[dict[str, Contestant]]:
    shop = Shop("shop")
    async with AsyncExitStack() as stack:
        _, api = await stack.enter_async_context(running_plant())
        await deployed(api, shop, "1")
        await deployed(api, shop, "2")
        whole = _Whole(api, shop, {v: await group_of(api, "shop", v) for v in "12"})
        await whole.change("2", "1")
        groups = {group.version: group for group in (await api.cluster("shop")).state.groups}
        folder = stack.enter_context(_folder())
        router = await stack.enter_async_context(EnvoyRouter(folder))
        stack.push_async_callback(router.stop)
        alone = _Alone(router, groups)
        await alone.begin()
        ports = {f"v{v}": [i.port for i in group.instances] for v, group in groups.items()}
        nginx = _Reloaded(await stack.enter_async_context(Nginx(ports)))
        yield {ROUTER: alone, WHOLE: whole, NGINX: nginx}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="turnout-router-") as name:
        yield Path(name)


class _Alone:
    """The router as the engine uses it, without an engine."""

    def __init__(self, router: EnvoyRouter, groups: dict[str, ServerGroup]) -> None:
        self._router = router
        self._groups = groups
        self._port = choose_port()
        self.url = f"http://127.0.0.1:{self._port}"

    async def begin(self) -> None:
        """Serve with version 1."""
        await self._router.apply_listener("shop", Listener(cluster="shop", port=self._port))
        endpoints = {group.name: _endpoints(group) for group in self._groups.values()}
        await self._router.apply_endpoints("shop", endpoints)
        await self.change("2", "1")

    async def change(self, old: str, new: str) -> Change:
        decided = time.time()
        shares = {self._groups[new].name: 1000}
        split = await self._router.apply_split("shop", shares, None, "")
        await self._router.confirm_split("shop", split.generation)
        confirmed = time.time()
        await asyncio.sleep(APART)
        return Change(old, new, decided, decided, confirmed, time.time())


def _endpoints(group: ServerGroup) -> list[Endpoint]:
    return [
        Endpoint(instance=i.id, host=i.host, port=i.port, state=EndpointState.HEALTHY)
        for i in group.instances
    ]


class _Whole:
    """`turnout enable`: API, engine, journal and router."""

    def __init__(self, api: Api, shop: Shop, names: dict[str, str]) -> None:
        self._api = api
        self._names = names
        self.url = shop.url

    async def change(self, old: str, new: str) -> Change:
        decided = time.time()
        record = await self._api.operate("shop", "enable", group=self._names[new])
        await asyncio.sleep(APART)
        await succeeded(self._api, record)
        (split,) = (await self._api.deployment(record.id)).splits
        requested, confirmed = split.requested_at.timestamp(), split.confirmed_at.timestamp()
        return Change(old, new, decided, requested, confirmed, time.time())


class _Reloaded:
    """nginx never says when a change is in force."""

    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx
        self.url = nginx.url

    async def change(self, old: str, new: str) -> Change:
        decided = time.time()
        await self._nginx.change({f"v{new}": 1000})
        await asyncio.sleep(APART)
        return Change(old, new, decided, decided, math.nan, time.time())


# What came out.


def _build_outcome(count: int, scores: dict[str, Score]) -> Outcome:
    spreads = {
        name: {what: spread(values) for what, values in score.decided_to.items()}
        for name, score in scores.items()
    }
    proofs = {
        name: spread(score.requested_to_confirmed)
        for name, score in scores.items()
        if name != NGINX
    }
    lost = sum(scores[name].lost for name in (ROUTER, WHOLE))
    return Outcome(
        about=(
            f"{count} times each, all traffic moved between two versions of a service (two"
            " instances each), by Turnout's router alone, by the command `enable` to a whole"
            " Turnout, and by nginx with the same split before the same instances (a new file and"
            f" `nginx -s reload`; two workers, as Envoy), in turns of {ROUND}. Meanwhile a client"
            f" sent {RATE:g} requests a second whatever the service did, and never sent one again."
            " The decision is the call of the router, the sending of the command to the API, and"
            " the writing of nginx's file; nginx does not say when a change is in force."
        ),
        tables=(_effect_table(spreads), _proof_table(proofs), _ratio_table(spreads), _loss(scores)),
        goals=(
            *(
                below(f"{name}: request to confirmation, p99", proof["p99"], BELOW, "ms")
                for name, proof in proofs.items()
            ),
            none_of("Requests lost by Turnout", lost),
        ),
        figures={"scores": {name: asdict(score) for name, score in scores.items()}},
    )


Spreads = dict[str, dict[str, dict[str, float]]]


def _effect_table(spreads: Spreads) -> Table:
    rows = tuple(
        (f"{name}: {what}", found["p50"], found["p99"], found["max"])
        for name, effects in spreads.items()
        for what, found in effects.items()
        if (name, what) != (NGINX, CONFIRMED)
    )
    return Table("From the decision to its effect", ("", "p50 ms", "p99 ms", "max ms"), rows)


def _proof_table(proofs: dict[str, dict[str, float]]) -> Table:
    rows = tuple((name, p["p50"], p["p99"], p["max"]) for name, p in proofs.items())
    columns = ("the router's part", "p50 ms", "p99 ms", "max ms")
    return Table("From the request of a split to its proof", columns, rows)


def _ratio_table(spreads: Spreads) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for name in (ROUTER, WHOLE):
        for what in (FIRST, LAST):
            theirs, ours = spreads[NGINX][what], spreads[name][what]
            ratios = (_ratio(theirs[at], ours[at]) for at in ("p50", "p99"))
            rows.append((f"{what}: nginx to {name}", *ratios))
    return Table("How many times as long nginx takes", ("", "at p50", "at p99"), tuple(rows))


def _ratio(theirs: float, ours: float) -> float:
    return theirs / ours if ours else math.nan


def _loss(scores: dict[str, Score]) -> Table:
    rows = tuple((name, score.requests, score.lost) for name, score in scores.items())
    return Table("Requests meanwhile", ("", "requests", "lost"), rows)


if __name__ == "__main__":
    run(measure, name="switch_latency", counted="changes by each", count=100, quick=6)
