"""All benchmarks, one after the other, and their figures on the page docs/performance.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.frame import RESULTS, say
from benchmarks.outcome import Result, read_result
from benchmarks.page import TITLES, replace_figures

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def main() -> int:
    """Measure everything; 0 when all could be measured, whatever the figures are."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="short runs, good for nothing but trying")
    add("--write", action="store_true", help=f"put the figures on the page docs/{PAGE.name}")
    add("--keep", action="store_true", help="measure nothing; take the figures of the last runs")
    options = parser.parse_args()
    failed = [] if options.keep else _measure_all(is_quick=options.quick)
    results = [read_result(file) for file in _files() if file.exists()]
    _tell_goals(results)
    if options.write and results:
        page = replace_figures(PAGE.read_text(encoding="utf-8"), results)
        PAGE.write_text(page, encoding="utf-8")
        say(f"\nWritten: {PAGE}")
    if failed:
        say(f"\nCould not be measured: {', '.join(failed)}")
    return 1 if failed else 0


def _measure_all(*, is_quick: bool) -> list[str]:
    failed = []
    for file in _files():
        file.unlink(missing_ok=True)  # what fails must not show the figures of an earlier run
    for name, title in TITLES.items():
        say(f"\n== {title}")
        began = time.monotonic()
        command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] if is_quick else [])]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
            say(f"{name} FAILED after {time.monotonic() - began:.0f} s")
    return failed


def _files() -> list[Path]:
    return [RESULTS / f"{name}.json" for name in TITLES]


def _tell_goals(results: list[Result]) -> None:
    say("\n== Goals")
    for result in results:
        for goal in result.outcome.goals:
            say(str(goal))


if __name__ == "__main__":
    sys.exit(main())
