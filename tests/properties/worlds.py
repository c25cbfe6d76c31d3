"""Worlds and requests to start from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from turnout.model.checks import CommandCheck
from turnout.model.deployment import Kind, Options, Request, Service, StrategyName
from turnout.model.servers import GroupSettings, Instance, InstanceState, Run, ServerGroup
from turnout.model.traffic import Listener, TrafficSplit
from turnout.ports import ListenerState
from turnout.testing import World
from turnout.testing.world import START

CHECK = CommandCheck(name="smoke", command=("true",))


def settings(version: str) -> GroupSettings:
    return GroupSettings(version=version, run=Run(command=("serve",), folder="/srv"))


def group(name: str, version: str, size: int, age: int, cluster: str = "shop") -> ServerGroup:
    return ServerGroup(
        name=name,
        cluster=cluster,
        settings=settings(version),
        desired=size,
        created_at=START - timedelta(days=age),
        deployment=f"made-{name}",
        instances=tuple(
            Instance(id=f"i-{n}", state=InstanceState.HEALTHY, port=20000 + n) for n in range(size)
        ),
    )


def listener(cluster: str = "shop", port: int = 8080) -> Listener:
    return Listener(cluster=cluster, port=port)


def world(*groups: ServerGroup, shares: dict[str, int] | None = None) -> World:
    """Groups of `shop` with this split, beside a cluster that nobody may touch."""
    other = group("cart-v000", "1", 1, 9, cluster="cart")
    made = World(groups={g.name: g for g in (*groups, other)}, newest={"cart": other.name})
    made.listeners["cart"] = ListenerState(
        listener=listener("cart", 9090), split=TrafficSplit(shares={other.name: 1000}, generation=1)
    )
    if groups:
        made.newest["shop"] = groups[-1].name
    if shares is not None:
        made.listeners["shop"] = ListenerState(
            listener=listener(),
            split=TrafficSplit(shares=shares, generation=7),
            previous=tuple(g.name for g in reversed(groups) if g.name not in shares),
        )
    return made


def running() -> World:
    """Version 2 serves; version 1 is the way back; an older one waits to be retired."""
    return world(
        group("shop-v000", "0", 2, 3),
        group("shop-v001", "1", 2, 2),
        group("shop-v002", "2", 2, 1),
        shares={"shop-v002": 1000},
    )


def empty() -> World:
    """Nothing of `shop` exists yet."""
    return world()


def shared_out() -> World:
    """Two versions share the traffic."""
    return world(
        group("shop-v001", "1", 4, 2),
        group("shop-v002", "2", 3, 1),
        shares={"shop-v001": 700, "shop-v002": 300},
    )


def cold() -> World:
    """Version 2 serves; version 1 has been scaled to zero."""
    return world(
        group("shop-v001", "1", 0, 2), group("shop-v002", "2", 2, 1), shares={"shop-v002": 1000}
    )


def uneven() -> World:
    """Version 2 serves with three instances; of version 1 a single one was left."""
    return world(
        group("shop-v001", "1", 1, 2), group("shop-v002", "2", 3, 1), shares={"shop-v002": 1000}
    )


def dead() -> World:
    """Version 2 has the traffic and no healthy instance; version 1 is warm."""
    made = running()
    made.kill("shop-v002", comes_back=False)
    return made


def deploy(strategy: StrategyName, **options: Any) -> Request:
    """Deploy version 3. Deadlines are short: time is the world's, but every look costs ours."""
    options.setdefault("ready_deadline", timedelta(milliseconds=200))
    options.setdefault("warmup", timedelta(milliseconds=200))
    return Request(
        id="d-1",
        kind=Kind.DEPLOY,
        cluster="shop",
        requested_at=START,
        service=Service(
            application="shop",
            settings=settings("3"),
            instances=2,
            listener=listener(),
            strategy=strategy,
            options=Options(**options),
        ),
    )


def operation(kind: Kind, **wishes: Any) -> Request:
    options = Options(ready_deadline=timedelta(milliseconds=200))
    return Request(
        id="d-1", kind=kind, cluster="shop", requested_at=START, options=options, **wishes
    )
