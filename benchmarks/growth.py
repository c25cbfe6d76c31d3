"""What many deployments leave behind: in memory, in the journal, in Temporal's database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks import census
from benchmarks.frame import Size, run, say
from benchmarks.outcome import Outcome, Table, below
from benchmarks.stage import deployed, running_plant, settle, tiny
from tests.e2e.plant import Plant
from turnout.engine.temporal_server import RETENTION

MEMORY_BELOW = 500.0
SAMPLES = 20
SHOWN = 10
KB = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """How large everything is after so many deployments."""

    deployments: int
    seconds: float
    memory_mb: dict[str, float]
    """PSS per kind of process."""
    journal_kb: float
    temporal_kb: float
    folder_kb: float
    """Everything else in the data folder: what runs, what it was told, logs."""
    descriptors: int
    """Open files of the server."""

    @property
    def whole_mb(self) -> float:
        """All of Turnout."""
        return sum(self.memory_mb[kind] for kind in census.OURS)


async def measure(size: Size) -> Outcome:
    """Deployments of one small service, one after the other, and what grows with them."""
    service = tiny("steady")
    every = max(1, size.count // SAMPLES)
    began = time.monotonic()
    async with running_plant() as (plant, api):
        await deployed(api, service, "0")
        samples = [await _sample(plant, 0, began)]
        for number in range(1, size.count + 1):
            await deployed(api, service, str(number))
            if number % every == 0 or number == size.count:
                samples.append(await _sample(plant, number, began))
                _tell(samples[-1], size.count)
        await settle(2 if size.is_quick else 15)
        rested = await _sample(plant, size.count, began)
    slopes = _slopes(samples)
    return Outcome(
        about=(
            f"One service of one instance was deployed {size.count} times by blue/green (two server"
            " groups are kept, the oldest one destroyed each time). Growth for each deployment is"
            " that of the second half, when caches are warm. Temporal forgets what ended more than"
            f" {RETENTION.days} days ago; the journal keeps what deployments did for ever and"
            " single events for 90 days."
        ),
        tables=(_course_table(samples, rested), _slope_table(slopes)),
        goals=(
            below(
                f"Memory (PSS) of the whole tree after {size.count} deployments",
                rested.whole_mb,
                MEMORY_BELOW,
                "MB",
            ),
        ),
        figures={
            "samples": [asdict(sample) for sample in (*samples, rested)],
            "growth_per_deployment": slopes,
        },
    )


async def _sample(plant: Plant, deployments: int, began: float) -> Sample:
    return await asyncio.to_thread(_measure_plant, plant, deployments, began)


def _measure_plant(plant: Plant, deployments: int, began: float) -> Sample:
    uses = census.count(plant)
    journal, temporal = plant.data / "turnout.db", plant.data / "temporal" / "temporal.db"
    databases = _size_of_database(journal), _size_of_database(temporal)
    return Sample(
        deployments=deployments,
        seconds=time.monotonic() - began,
        memory_mb={kind: use.pss for kind, use in uses.items()},
        journal_kb=databases[0],
        temporal_kb=databases[1],
        folder_kb=_size_of_folder(plant.data) - sum(databases),
        descriptors=psutil.Process(plant.pid).num_fds(),
    )


def _size_of_database(file: Path) -> float:
    """With its side files, by the space that it takes on the disk."""
    return sum(_size_of_file(path) for path in file.parent.glob(f"{file.name}*"))


def _size_of_folder(folder: Path) -> float:
    return sum(_size_of_file(path) for path in folder.rglob("*"))


def _size_of_file(path: Path) -> float:
    """Files come and go meanwhile."""
    try:
        return path.lstat().st_blocks * 512 / KB
    except OSError:
        return 0


def _slopes(samples: Sequence[Sample]) -> dict[str, float]:
    """Growth for each deployment in the second half, in KB, by the least squares."""
    half = samples[len(samples) // 2 :]
    lines = {
        f"memory of {kind} (PSS)": [KB * s.memory_mb[kind] for s in half] for kind in census.OURS
    }
    lines |= {
        "journal": [s.journal_kb for s in half],
        "Temporal's database": [s.temporal_kb for s in half],
        "the rest of the data folder": [s.folder_kb for s in half],
    }
    at = [float(s.deployments) for s in half]
    return {name: _slope(at, values) for name, values in lines.items()}


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    together = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return together / spread if spread else 0.0


def _tell(sample: Sample, count: int) -> None:
    per_minute = 60 * sample.deployments / sample.seconds
    say(
        f"{sample.deployments} of {count} deployments ({per_minute:.0f} a minute):"
        f" {sample.whole_mb:.0f} MB, journal {sample.journal_kb:.0f} KB,"
        f" Temporal {sample.temporal_kb:.0f} KB"
    )


def _course_table(samples: Sequence[Sample], rested: Sample) -> Table:
    step = max(1, len(samples) // SHOWN)
    shown = [*samples[:-1:step], samples[-1]]
    rows = [_row(str(sample.deployments), sample) for sample in shown]
    rows.append(_row(f"{rested.deployments}, after a rest", rested))
    columns = (
        *("deployments", *(f"{kind.partition(' (')[0]} MB" for kind in census.OURS), "all MB"),
        *("journal KB", "Temporal's database KB", "rest of the folder KB", "open files"),
    )
    return Table("In the course of the deployments (memory: PSS)", columns, tuple(rows))


def _row(name: str, sample: Sample) -> tuple[str | float, ...]:
    memory = (sample.memory_mb[kind] for kind in census.OURS)
    disk = (sample.journal_kb, sample.temporal_kb, sample.folder_kb)
    return (name, *memory, sample.whole_mb, *disk, sample.descriptors)


def _slope_table(slopes: dict[str, float]) -> Table:
    rows = tuple((name, slope) for name, slope in slopes.items())
    return Table("Growth for each deployment", ("", "KB"), rows)


if __name__ == "__main__":
    run(measure, name="growth", counted="deployments", count=500, quick=20)
