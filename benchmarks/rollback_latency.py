"""How fast a rollback by a person takes effect: from the command to the last user who still came to
the wrong version.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from benchmarks.frame import Size, run, say
from benchmarks.outcome import Outcome, Table, below, none_of, spread
from benchmarks.stage import deployed, group_of, operated, running_plant, succeeded
from benchmarks.witnesses import RATE, Witnesses
from tests.e2e.api import Api
from tests.e2e.services import Shop
from turnout.model.journal import StepRecord
from turnout.testing.load import LoadProcess

BELOW = 200.0


@dataclass(frozen=True, slots=True)
class Rollback:
    """Times of one rollback, in seconds since 1970."""

    sent: float
    """When the command was sent to the API."""
    answered: float
    """When the API had taken it on."""
    begun: float
    """When its first step began."""
    requested: float
    """When the router was told."""
    confirmed: float
    """When the router had proven it."""
    over: float


async def measure(size: Size) -> Outcome:
    """Warm rollbacks of a shop under a steady load: command, confirmed split, last request to the
    version that was taken back."""
    shop = Shop("shop")
    async with running_plant() as (_, api):
        await deployed(api, shop, "1")
        await deployed(api, shop, "2")
        newer = await group_of(api, "shop", "2")
        async with LoadProcess(shop.url, rate=RATE, strict=True) as load:
            rollbacks = []
            for number in range(size.count):
                rollbacks.append(await _roll_back(api))
                await api.release("shop")
                await operated(api, "shop", "enable", group=newer)
                _tell(number + 1, size.count, rollbacks[-1])
            report = await load.stop()
    witnesses = Witnesses(report)
    delays = {name: spread(values) for name, values in _delays(rollbacks, witnesses).items()}
    lost = report.failed + report.unaccounted
    return Outcome(
        about=(
            f"{size.count} times the previous version of a service, still warm in two instances,"
            f" got all traffic back by `rollback`, while a client sent {RATE:g} requests a second"
            " whatever the service did. The clock runs from the moment in which the command is sent"
            " to the API. A request is wrongly routed when it was sent after that and the version"
            " taken back answered it."
        ),
        tables=(_table(delays),),
        goals=(
            below(
                "Warm rollback, command to last wrongly routed request, p99",
                delays[LAST]["p99"],
                BELOW,
                "ms",
            ),
            none_of(f"Requests lost of {report.requests}", lost),
        ),
        figures={
            "delays_ms": delays,
            "requests": report.requests,
            "lost": lost,
            "load_lag_ms": report.lag_ms,
            "rollbacks": [asdict(one) for one in rollbacks],
        },
    )


async def _roll_back(api: Api) -> Rollback:
    sent = time.time()
    record = await api.operate("shop", "rollback")
    answered = time.time()
    await succeeded(api, record)
    view = await api.deployment(record.id)
    (split,) = view.splits
    return Rollback(
        sent=sent,
        answered=answered,
        begun=_first(view.steps).started_at.timestamp(),
        requested=split.requested_at.timestamp(),
        confirmed=split.confirmed_at.timestamp(),
        over=time.time(),
    )


def _first(steps: tuple[StepRecord, ...]) -> StepRecord:
    return min(steps, key=lambda step: step.number)


ANSWERED, BEGUN, REQUESTED, CONFIRMED, LAST = (
    "command to its acceptance",
    "command to the first step",
    "command to the split's request",
    "command to the split's confirmation",
    "command to the last wrongly routed request",
)


def _delays(rollbacks: list[Rollback], witnesses: Witnesses) -> dict[str, list[float]]:
    """In milliseconds."""
    ends = [witnesses.last("2", one.sent, one.over) for one in rollbacks]
    moments = {
        ANSWERED: [one.answered for one in rollbacks],
        BEGUN: [one.begun for one in rollbacks],
        REQUESTED: [one.requested for one in rollbacks],
        CONFIRMED: [one.confirmed for one in rollbacks],
        LAST: ends,
    }
    return {
        name: [1000 * (at - one.sent) for at, one in zip(found, rollbacks, strict=True)]
        for name, found in moments.items()
    }


def _table(delays: dict[str, dict[str, float]]) -> Table:
    rows = ((name, d["p50"], d["p99"], d["max"]) for name, d in delays.items())
    return Table(
        "Rollback by a person, warm", ("from … to", "p50 ms", "p99 ms", "max ms"), (*rows,)
    )


def _tell(number: int, count: int, one: Rollback) -> None:
    took = 1000 * (one.confirmed - one.sent)
    say(f"rollback {number} of {count}: confirmed after {took:.0f} ms")


if __name__ == "__main__":
    run(measure, name="rollback_latency", counted="rollbacks", count=60, quick=8)
