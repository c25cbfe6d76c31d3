"""The sequential canary judge: false alarms and detection, beside the figures of its design."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.canary_beside import measure_compatible
from benchmarks.canary_cost import measure_cost
from benchmarks.canary_default import judge_default_canaries
from benchmarks.canary_figures import Figure, all_ok, show
from benchmarks.canary_harmful import measure_detection
from benchmarks.canary_many import measure_many
from benchmarks.canary_planned import measure_early_pass, measure_end, measure_events
from benchmarks.canary_quiet import measure_alarms
from benchmarks.canary_sequences import measure_sequences
from benchmarks.frame import Size, run, say
from benchmarks.outcome import Goal, Outcome, Table

Section = tuple[str, str, Callable[[int], Sequence[Figure]], int]
"""Title, what the first column holds, how it is measured, the part of the runs that it takes."""

SECTIONS: tuple[Section, ...] = (
    ("Without harm", "false alarms in % of runs, level", measure_alarms, 1),
    ("With harm, at most 180 steps", "found at 1 %", measure_detection, 2),
    ("Both judges, the compatible one every 5 steps", "alarms in 180 steps", measure_compatible, 4),
    ("With a share of alpha for the end", "alarms in 180 steps, 1 %", measure_end, 1),
    ("20 metrics at 3/min, 180 steps", "alarms at 5 % in all", measure_many, 2),
    ("Early pass, 180 steps", "passed early at 5 %", measure_early_pass, 1),
    ("How long a canary must run", "events until found, 1 %", measure_events, 4),
    ("Confidence sequences at 95 %", "ever outside, in % of runs", measure_sequences, 2),
)
FEWEST = 50


async def measure(size: Size) -> Outcome:
    """Simulated canaries: how often a good one is failed, and how soon a bad one is."""
    tables: list[Table] = []
    goals: list[Goal] = []
    for title, unit, measured, part in SECTIONS:
        say(f"-- {title}")
        figures = measured(max(size.count // part, FEWEST))
        tables.append(show(title, unit, figures))
        goals.append(all_ok(title, figures))
    usual, usual_goals = judge_default_canaries(size.count)
    cost, cost_goals = measure_cost(is_quick=size.is_quick)
    return Outcome(
        about=(
            f"{size.count} simulated canaries per row where nothing is wrong, a half or a quarter"
            " of them in other tables, all seeded, beside the figures of the design. SE is the"
            " standard error of our figure. It is ok when a false alarm is not more frequent than"
            " its level and two standard errors, when harm is found at most 15 % later than in the"
            " design, and when everything else differs from the design by no more than 15 %, or"
            " than three standard errors of the difference. Rows without a goal have a dash."
        ),
        tables=(*tables, usual, cost),
        goals=(*goals, *usual_goals, *cost_goals),
    )


if __name__ == "__main__":
    run(measure, name="canary_sequential", counted="simulated canaries", count=4000, quick=400)
