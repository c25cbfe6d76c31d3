"""How long the server takes to be ready, and how much memory everything of it needs."""

from __future__ import annotations

import asyncio

import psutil

from benchmarks import census
from benchmarks.frame import Size, run, say
from benchmarks.outcome import Outcome, Table, below, spread
from benchmarks.stage import all_deployed, running_plant, settle, tiny
from tests.e2e.plant import Plant

READY_BELOW, MEMORY_BELOW = 3.0, 500.0
CLUSTERS, QUICK_CLUSTERS = 50, 10
FIRST, AGAIN, KILLED = (
    "first start, empty data folder",
    "again, after an end in order",
    "again, after SIGKILL of the server",
)

Starts = dict[str, list[tuple[float, float]]]
"""Seconds until ready, and processor seconds of the server until then."""


async def measure(size: Size) -> Outcome:
    """Time from `turnout server` to ready, and memory of the whole process tree, at rest."""
    starts: Starts = {FIRST: [], AGAIN: [], KILLED: []}
    for number in range(size.count):
        await _start_thrice(starts)
        told = ", ".join(f"{times[-1][0]:.2f} s" for times in starts.values())
        say(f"start {number + 1} of {size.count}: {told}")
    clusters = QUICK_CLUSTERS if size.is_quick else CLUSTERS
    idle, full = await _weigh(clusters, rest=3 if size.is_quick else 15)
    whole = [census.total(uses).pss for uses in (idle, full)]
    slowest = max(seconds for times in starts.values() for seconds, _ in times)
    return Outcome(
        about=(
            f"The server was started {size.count} times each on an empty data folder, after an end"
            " in order, and after a SIGKILL that left Envoy and Temporal running; the clock runs"
            " from the start of the process until it says that it is ready. Memory is that of all"
            f" processes, at rest: without a cluster, and with {clusters} clusters of one instance"
            " each. PSS counts pages that processes share once, RSS in each of them."
        ),
        tables=(_start_table(starts), _memory_table(idle, full, clusters)),
        goals=(
            below("Slowest start until ready", slowest, READY_BELOW, "s"),
            below("Memory (PSS) of the whole tree, idle", whole[0], MEMORY_BELOW, "MB"),
            below(f"The same with {clusters} clusters", whole[1], MEMORY_BELOW, "MB"),
        ),
        figures={"starts": starts, "idle": _dump(idle), "full": _dump(full)},
    )


async def _start_thrice(starts: Starts) -> None:
    plant = Plant()
    try:
        starts[FIRST].append(await _start(plant))
        await plant.stop()
        starts[AGAIN].append(await _start(plant))
        plant.kill_server()
        starts[KILLED].append(await _start(plant))
        for complaint in await plant.stop():
            say(f"  after the end: {complaint}")
    finally:
        plant.remove()


async def _start(plant: Plant) -> tuple[float, float]:
    seconds = await plant.start()
    used = psutil.Process(plant.pid).cpu_times()
    return seconds, used.user + used.system


async def _weigh(clusters: int, *, rest: float) -> tuple[dict[str, census.Use], ...]:
    async with running_plant() as (plant, api):
        await settle(rest)
        idle = await asyncio.to_thread(census.count, plant)
        services = [tiny(f"tiny{number}") for number in range(clusters)]
        await all_deployed(api, services, "1")
        say(f"{clusters} clusters deployed")
        await settle(rest)
        return idle, await asyncio.to_thread(census.count, plant)


def _start_table(starts: Starts) -> Table:
    rows = []
    for name, times in starts.items():
        ready = spread(seconds for seconds, _ in times)
        used = spread(used for _, used in times)
        rows.append((name, ready["p50"], ready["max"], used["p50"]))
    columns = ("from the command to ready", "median s", "slowest s", "processor s of the server")
    return Table("Start", columns, tuple(rows))


def _memory_table(idle: dict[str, census.Use], full: dict[str, census.Use], clusters: int) -> Table:
    lines = {kind: (idle[kind], full[kind]) for kind in census.OURS}
    lines["all of Turnout"] = (census.total(idle), census.total(full))
    lines["the services themselves"] = (idle[census.SERVICES], full[census.SERVICES])
    rows = tuple(
        (name, *(figure for use in pair for figure in (use.processes, use.pss, use.rss)))
        for name, pair in lines.items()
    )
    full_name = f"{clusters} clusters"
    columns = (
        *("processes", "idle: number", "PSS MB", "RSS MB"),
        *(f"{full_name}: number", "PSS MB", "RSS MB"),
    )
    return Table("Memory at rest", columns, rows)


def _dump(uses: dict[str, census.Use]) -> dict[str, dict[str, float]]:
    return {
        kind: {"processes": use.processes, "pss_mb": use.pss, "rss_mb": use.rss}
        for kind, use in uses.items()
    }


if __name__ == "__main__":
    run(measure, name="startup_and_memory", counted="starts of each kind", count=5, quick=1)
