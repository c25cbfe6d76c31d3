"""The frame of every benchmark: its command line, its tables on the screen, its JSON."""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.outcome import Outcome, Result, write_result

RESULTS = Path(__file__).parent / "results"
"""Not in version control: what a run found is kept in docs/performance.md."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. What is counted differs from benchmark to benchmark."""

    count: int
    is_quick: bool


Measure = Callable[[Size], Coroutine[Any, Any, Outcome]]  # what a coroutine sends is its own


def run(measure: Measure, *, name: str, counted: str, count: int, quick: int) -> None:
    """Read the command line, measure, print and write.

    `counted` says in words what `count` counts; `quick` is its number in a short run.
    """
    parser = argparse.ArgumentParser(prog=f"scripts/bench {name}", description=measure.__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help=f"a short run: {quick} {counted}")
    add("--count", type=int, help=f"so many {counted} (default {count})")
    add("--json", type=Path, default=RESULTS / f"{name}.json", help="where the figures go")
    options = parser.parse_args()
    wanted = options.count or (quick if options.quick else count)
    if wanted < 1:
        parser.error("--count must be at least 1")
    # A benchmark that is told to end clears up, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    machine, at, began = describe_machine(), datetime.now(UTC), time.monotonic()
    outcome = asyncio.run(measure(Size(wanted, options.quick)))
    seconds = round(time.monotonic() - began, 1)
    when = at.isoformat(timespec="seconds")
    write_result(Result(name, when, seconds, options.quick, machine, outcome), options.json)
    print(f"\n{outcome}\n\n{name} took {seconds:.0f} s; figures in {options.json}")


def say(line: str) -> None:
    """A line of progress."""
    print(line, flush=True)
