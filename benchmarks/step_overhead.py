"""What the engine adds to the work of a deployment, and how many deployments it carries out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from benchmarks.frame import Size, run, say
from benchmarks.outcome import Outcome, Table, below, spread
from benchmarks.stage import all_deployed, deployed, running_plant, tiny
from tests.e2e.api import Api
from turnout.api.views import DeploymentView
from turnout.model.journal import DeploymentRecord

BELOW = 50.0
CLUSTERS, QUICK_CLUSTERS = 50, 10
ROUNDS = 2
NOTHING_TO_DO = "pin_group"
"""These steps write one small file."""

BEGIN, BETWEEN, NOTHING, STEP, END = (
    "request to the first step",
    "end of a step to the start of the next",
    "a step with next to nothing to do (a pin)",
    "both: a whole step with next to nothing to do",
    "end of the last step to the end",
)


@dataclass(frozen=True, slots=True)
class Round:
    """All clusters deployed at once."""

    seconds: float
    views: list[DeploymentView]


async def measure(size: Size) -> Outcome:
    """Time between the steps of deployments, as the journal has it: of one alone, and of many at
    once."""
    clusters = QUICK_CLUSTERS if size.is_quick else CLUSTERS
    async with running_plant() as (_, api):
        alone = await _one_after_the_other(api, size.count)
        rounds = await _at_once(api, clusters)
    single = _spreads(alone)
    crowd = _spreads(view for one in rounds for view in one.views)
    per_minute = [60 * clusters / one.seconds for one in rounds]
    return Outcome(
        about=(
            f"A service of one instance that starts at once was deployed {size.count} times by"
            f" blue/green; then {clusters} such services at once, {ROUNDS} times. All times are"
            " those of the journal. The overhead of a step is the time from the end of the step"
            " before to the end of a step that has next to nothing to do."
        ),
        tables=(
            _table("One deployment after the other", single),
            _table(f"{clusters} clusters at once", crowd),
            _pace_table(alone, rounds, clusters),
        ),
        goals=(below("Engine overhead per step, median", single[STEP]["p50"], BELOW, "ms"),),
        figures={
            "single_ms": single,
            "crowd_ms": crowd,
            "clusters": clusters,
            "deployments_per_minute": per_minute,
        },
    )


async def _one_after_the_other(api: Api, count: int) -> list[DeploymentView]:
    service = tiny("alone")
    await deployed(api, service, "0")
    records = [await deployed(api, service, str(number + 1)) for number in range(count)]
    say(f"{count} deployments one after the other: done")
    return await _read(api, records)


async def _at_once(api: Api, clusters: int) -> list[Round]:
    services = [tiny(f"crowd{number}") for number in range(clusters)]
    await all_deployed(api, services, "0")
    rounds = []
    for number in range(ROUNDS):
        records = await all_deployed(api, services, str(number + 1))
        rounds.append(Round(_duration(records), await _read(api, records)))
        say(f"{clusters} deployments at once: {rounds[-1].seconds:.1f} s")
    return rounds


async def _read(api: Api, records: Iterable[DeploymentRecord]) -> list[DeploymentView]:
    """Everything that the journal has of them; nobody is in a hurry."""
    views = []
    for record in records:
        views.append(await api.deployment(record.id))
        await asyncio.sleep(0)
    return views


def _duration(records: list[DeploymentRecord]) -> float:
    began = min(record.request.requested_at for record in records)
    return (max(_ended(record) for record in records) - began).total_seconds()


def _ended(record: DeploymentRecord) -> datetime:
    assert record.ended_at is not None
    return record.ended_at


def _spreads(views: Iterable[DeploymentView]) -> dict[str, dict[str, float]]:
    """In milliseconds."""
    found: dict[str, list[float]] = {name: [] for name in (BEGIN, BETWEEN, NOTHING, STEP, END)}
    for view in views:
        steps = [(s.op, s.started_at, s.ended_at or s.started_at) for s in view.steps]
        found[BEGIN].append(_ms(steps[0][1] - view.record.request.requested_at))
        found[END].append(_ms(_ended(view.record) - steps[-1][2]))
        for (_, _, before), (op, started, ended) in pairwise(steps):
            found[BETWEEN].append(_ms(started - before))
            if op == NOTHING_TO_DO:
                found[NOTHING].append(_ms(ended - started))
                found[STEP].append(_ms(ended - before))
    return {name: spread(values) for name, values in found.items()}


def _ms(duration: timedelta) -> float:
    return duration / timedelta(milliseconds=1)


def _table(title: str, spreads: dict[str, dict[str, float]]) -> Table:
    rows = tuple((name, s["count"], s["p50"], s["p99"], s["max"]) for name, s in spreads.items())
    return Table(title, ("from the journal", "count", "p50 ms", "p99 ms", "max ms"), rows)


def _pace_table(alone: list[DeploymentView], rounds: list[Round], clusters: int) -> Table:
    lasted = [
        (_ended(view.record) - view.record.request.requested_at).total_seconds() for view in alone
    ]
    steps = sum(len(view.steps) for view in alone) / len(alone)
    middle = spread(lasted)["p50"]
    rows: list[tuple[str | float, ...]] = [
        ("one after the other", steps, middle, 60 / middle),
        *(
            (f"{clusters} at once", steps, one.seconds, 60 * clusters / one.seconds)
            for one in rounds
        ),
    ]
    columns = ("", "steps each", "seconds until all have ended", "deployments per minute")
    return Table("Pace", columns, tuple(rows))


if __name__ == "__main__":
    run(measure, name="step_overhead", counted="deployments of one cluster", count=50, quick=6)
