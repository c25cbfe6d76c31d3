"""The report of a canary: what is told about an analysis, in words, for pictures, and in figures.

JSON has no infinities: what is not known, or not bounded, is null.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from turnout.model.analysis import AnalysisMode, AnalysisVerdict, JudgedWindow, Judgment
from turnout.model.value import Value

Figures = tuple[float | None, ...]


class Standing(StrEnum):
    """What was found about one metric."""

    HARM = "harm"
    SAFE = "safe"
    """No harm that would matter."""
    UNDECIDED = "undecided"
    NO_DATA = "no_data"
    """It could not be judged."""


class Series(Value):
    """Both arms over time, in equal slices of time, each with the average of its steps.

    `seconds` are their middles, since the first step.
    """

    title: str
    unit: Literal["%", "/s", "bytes", "millicores", ""]
    seconds: tuple[float, ...] = ()
    canary: Figures = ()
    baseline: Figures = ()


class Course(Value):
    """How the comparison became certain. `ratio` is canary over baseline, `low` and `high` bound
    it (a confidence sequence: right at all times at once); `e_value` is the evidence of harm, and
    chance alone brings it to n once in n canaries at most.
    """

    seconds: tuple[float, ...] = ()
    ratio: Figures = ()
    low: Figures = ()
    high: Figures = ()
    e_value: tuple[float, ...] = ()


class Counted(Value):
    """What the figures of a metric rest on. Events and exposure are 0 for a gauge."""

    steps: int = 0
    unusable_steps: int = 0
    canary_events: float = 0.0
    canary_exposure: float = 0.0
    baseline_events: float = 0.0
    baseline_exposure: float = 0.0


class Words(Value):
    """The figures of a metric as a person reads them."""

    name: str = ""
    """Of the metric, with what tells it from others of its name: tags, or a threshold."""
    canary: str = ""
    baseline: str = ""
    difference: str = ""
    """`7 % more`."""
    likely: str = ""
    """Between which differences the true one lies."""
    chance: str = ""
    """How often chance alone would show this much: `1 in 40`."""
    needed: str = ""
    """How rare it must be to count as harm: `1 in 330`."""


class MetricReport(Value):
    """One metric. `margin` and `harm_of_interest` are relative changes; e-values are those of the
    sequential judge, the highest one decides.
    """

    name: str
    tags: dict[str, str] = {}
    kind: str
    groups: tuple[str, ...] = ()
    share: float = 0.0
    """What it is worth, as a part of 1."""
    critical: bool = False
    decided: bool = False
    """Whether the verdict rests on it."""
    standing: Standing
    classification: str = ""
    """The word of the compatible judge."""
    sentence: str
    problem: str = ""
    """Why it could not be judged."""
    words: Words = Words()
    direction: str = ""
    margin: float | None = None
    harm_of_interest: float | None = None
    threshold_ms: float | None = None
    """Of a latency: the threshold that speaks most for harm."""
    counted: Counted = Counted()
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    e_value: float | None = None
    peak_e_value: float | None = None
    needed_e_value: float | None = None
    end_p: float | None = None
    """Of the exact test at the planned end."""
    minutes_needed: float | None = None
    series: tuple[Series, ...] = ()
    """What the picture shows comes first."""
    course: Course | None = None


class LeftOut(Value):
    """A metric that was not judged, and why."""

    name: str
    reason: str


class GroupReport(Value):
    """A group of metrics, under the compatible judge."""

    name: str
    score: float
    weight: float | None = None
    """In per cent."""


class Report(Value):
    """An analysis, told. Times in UTC; metrics in order: what decided it first, then by weight."""

    id: str
    cluster: str
    deployment: str = ""
    canary: str
    baseline: str
    judge: str
    mode: AnalysisMode
    verdict: AnalysisVerdict
    headline: str
    """The verdict in one sentence."""
    compared: str
    """Who was compared, at which share, for how long."""
    reasons: tuple[str, ...] = ()
    """What decided it, or what is missing for that."""
    sentence: str
    """The verdict as the deployment was told it."""
    made_at: datetime
    began_at: datetime
    first_step_at: datetime
    """After the warm-up."""
    planned_end: datetime
    ended_at: datetime | None = None
    is_extended: bool = False
    until: datetime | None = None
    """Until when a person must answer; None when nobody is asked."""
    judges: tuple[str, ...] = ()
    """Who may; empty = everybody."""
    judgment: Judgment | None = None
    e_value: float | None = None
    peak_e_value: float | None = None
    needed_e_value: float | None = None
    chance: str = ""
    """All metrics together, in the words of `Words.chance`."""
    needed: str = ""
    score: float | None = None
    """Of the compatible judge, from 0 to 100."""
    pass_score: float | None = None
    marginal_score: float | None = None
    groups: tuple[GroupReport, ...] = ()
    metrics: tuple[MetricReport, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    """What makes the comparison less fair than it should be."""
    windows: tuple[JudgedWindow, ...] = ()
    """Of several judgements; score and metrics are those of the last one that was made."""
    config: dict[str, Any]  # JSON: the canary configuration as it was at the beginning
    result: dict[str, Any] | None = None  # JSON: the compatible judge's whole document


def window_words(window: JudgedWindow, *, is_over: bool) -> str:
    """Its verdict; or that there is none yet, or will be none."""
    few = ", of few data points" if window.warning else ""
    if window.score is not None:
        return f"{window.verdict}{few}"
    return "not made" if is_over else "to come"


class AnalysisLine(Value):
    """An analysis in a list."""

    id: str
    cluster: str
    deployment: str = ""
    canary: str
    baseline: str
    mode: AnalysisMode
    verdict: AnalysisVerdict
    sentence: str
    began_at: datetime
    planned_end: datetime
    ended_at: datetime | None = None
    until: datetime | None = None
    """Until when a person must answer; None when nobody is asked."""
    judges: tuple[str, ...] = ()


class SampleSeries(Value):
    """The raw samples of one series, in the order of steps; null = missing.

    The columns of an arm: events and exposure; requests above each threshold and all requests; or
    the value alone.
    """

    metric: str
    tags: dict[str, str] = {}
    columns: tuple[str, ...]
    start: datetime
    """Of the first step."""
    step: float
    """Seconds."""
    canary: tuple[Figures, ...]
    baseline: tuple[Figures, ...]
