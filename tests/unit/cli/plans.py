"""Plans as a server sends them, written out: what is printed does not change with the planner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from turnout.model.checks import TripWires
from turnout.model.plan import (
    AwaitReady,
    CreateGroup,
    DestroyGroup,
    DrainGroup,
    Operation,
    PinGroup,
    Plan,
    ReplaceSplit,
    ResizeGroup,
    Step,
    Watch,
)
from turnout.model.servers import GroupSettings, Run
from turnout.model.traffic import TrafficSplit

OLD, NEW = "shop-v000", "shop-v001"
FINGERPRINT = "9c50278cfeb4788d"
SETTINGS = GroupSettings(
    version="1.2.0", run=Run(command=("./serve", "--port", "$PORT"), folder="/srv/shop")
)

Row = tuple[str, str, Operation, dict[str, int], dict[str, int], int]
"""Id, title, operation, split after, sizes after, longest in seconds."""


def create(instances: int) -> CreateGroup:
    return CreateGroup(group=NEW, settings=SETTINGS, instances=instances)


def ready(count: int) -> AwaitReady:
    return AwaitReady(group=NEW, ready=count, deadline=timedelta(seconds=120))


def watch() -> Watch:
    duration = timedelta(seconds=30)
    return Watch(checks=(TripWires(),), group=NEW, source=OLD, duration=duration)


def drain() -> DrainGroup:
    return DrainGroup(group=OLD, timeout=timedelta(seconds=30))


def built(title: str, rows: Sequence[Row], *, commit: int, peak: int = 4) -> Plan:
    return Plan(
        deployment="d-k3v9x2m7qa",
        cluster="shop",
        title=title,
        steps=tuple(
            Step(
                id=name,
                title=words,
                operation=operation,
                split_after=TrafficSplit(shares=shares),
                sizes_after=sizes,
                longest=timedelta(seconds=longest),
            )
            for name, words, operation, shares, sizes, longest in rows
        ),
        commit=commit,
        new_group=NEW,
        source=OLD,
        before=TrafficSplit(shares={OLD: 1000}, generation=3),
        sizes_before={OLD: 2},
        peak_instances=peak,
        longest=timedelta(seconds=sum(row[-1] for row in rows)),
        fingerprint=FINGERPRINT,
    )


def blue_green() -> Plan:
    old, new, one, both = {OLD: 1000}, {NEW: 1000}, {OLD: 2}, {OLD: 2, NEW: 2}
    pin, release = PinGroup(group=OLD, minimum=2), PinGroup(group=OLD, minimum=0)
    rows: list[Row] = [
        ("pin-shop-v000", "pin shop-v000 to at least 2 instances", pin, old, one, 0),
        (
            "create",
            "create shop-v001 with 2 instances of version 1.2.0",
            create(2),
            old,
            both,
            0,
        ),
        (
            "ready",
            "wait until 2 of 2 instances of shop-v001 are healthy",
            ready(2),
            old,
            both,
            120,
        ),
        ("switch", "shift traffic: shop-v001 100 %", ReplaceSplit(shares=new), new, both, 0),
        ("watch", "watch shop-v001 for 30s", watch(), new, both, 30),
        ("drain-shop-v000", "let the requests on shop-v000 finish", drain(), new, both, 30),
        ("release-shop-v000", "release shop-v000", release, new, both, 0),
    ]
    return built("deploy shop 1.2.0 by blue_green", rows, commit=5)


def rolling() -> Plan:
    old, new, one, both = {OLD: 1000}, {NEW: 1000}, {OLD: 2, NEW: 1}, {OLD: 2, NEW: 2}
    pin, release = PinGroup(group=OLD, minimum=2), PinGroup(group=OLD, minimum=0)
    grow = ResizeGroup(group=NEW, instances=2)
    rows: list[Row] = [
        ("pin-shop-v000", "pin shop-v000 to at least 2 instances", pin, old, {OLD: 2}, 0),
        (
            "create",
            "create shop-v001 with 1 instance of version 1.2.0",
            create(1),
            old,
            one,
            0,
        ),
        (
            "ready-100",
            "wait until 1 of 1 instance of shop-v001 are healthy",
            ready(1),
            old,
            one,
            120,
        ),
        *(shift(share, one) for share in (100, 250, 500)),
        (
            "grow-1000",
            "resize shop-v001 from 1 to 2 instances",
            grow,
            {OLD: 500, NEW: 500},
            both,
            0,
        ),
        (
            "ready-1000",
            "wait until 2 of 2 instances of shop-v001 are healthy",
            ready(2),
            {OLD: 500, NEW: 500},
            both,
            120,
        ),
        ("shift-1000", "shift traffic: shop-v001 100 %", ReplaceSplit(shares=new), new, both, 0),
        ("watch", "watch shop-v001 for 30s", watch(), new, both, 30),
        ("drain-shop-v000", "let the requests on shop-v000 finish", drain(), new, both, 30),
        ("release-shop-v000", "release shop-v000", release, new, both, 0),
    ]
    return built("deploy shop 1.2.0 by rolling_blue_green", rows, commit=10)


def shift(share: int, sizes: dict[str, int]) -> Row:
    shares = {OLD: 1000 - share, NEW: share}
    title = f"shift traffic: shop-v000 {100 - share / 10:g} %, shop-v001 {share / 10:g} %"
    return (f"shift-{share}", title, ReplaceSplit(shares=shares), shares, sizes, 0)


def cold_rollback() -> Plan:
    """Back to a group that has to start first."""
    on, back = {NEW: 1000}, {OLD: 1000}
    resize = ResizeGroup(group=OLD, instances=2)
    wait = AwaitReady(group=OLD, ready=2, deadline=timedelta(minutes=10))
    rows: list[Row] = [
        ("resize-shop-v000", "resize shop-v000 from 0 to 2 instances", resize, on, {OLD: 2}, 0),
        (
            "ready",
            "wait until 2 of 2 instances of shop-v000 are healthy",
            wait,
            on,
            {OLD: 2},
            600,
        ),
        ("switch", "shift traffic: shop-v000 100 %", ReplaceSplit(shares=back), back, {OLD: 2}, 0),
    ]
    note = "shop-v000 is cold: it has to start first, so this takes longer"
    title = "roll back shop to shop-v000 (version 1.1.0)"
    return built(title, rows, commit=3).model_copy(update={"notes": (note,)})


def shrink() -> Plan:
    gone = DestroyGroup(group="shop-v007")
    rows: list[Row] = [("destroy-shop-v007", "destroy shop-v007", gone, {OLD: 1000}, {OLD: 2}, 40)]
    made = built("shrink shop to 1 server groups", rows, commit=0)
    return made.model_copy(update={"destroys": ("shop-v007",)})


def nothing() -> Plan:
    """Nothing to do, and why."""
    note = "shop-v000 already serves version 1.1.0 with the same settings: nothing to do"
    made = built("deploy shop 1.1.0 by blue_green", [], commit=0)
    return made.model_copy(update={"notes": (note,)})


def refused(sentence: str, rule: str) -> Plan:
    made = built("deploy shop 1.2.0 by blue_green", [], commit=0)
    return made.model_copy(update={"refused": sentence, "refused_rule": rule})
