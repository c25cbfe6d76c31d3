"""The analysis of a canary: what is compared with what, for how long, and what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from turnout.model.servers import NonNegative, Positive, Text
from turnout.model.value import Value


class AnalysisMode(StrEnum):
    """Who decides: the judge, or a person who looks at the same comparison."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class OnInconclusive(StrEnum):
    """What follows when the figures say neither yes nor no at the end. `extend` goes on once for as
    long again, and asks a person then. Never is it a pass.
    """

    EXTEND = "extend"
    ASK = "ask"
    FAIL = "fail"


class AnalysisVerdict(StrEnum):
    """`error` is not `fail`: the figures could not be had."""

    RUNNING = "running"
    ASKING = "asking"
    """A person must decide; the figures are looked at meanwhile."""
    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"

    @property
    def is_end(self) -> bool:
        """Nothing follows."""
        return self not in (AnalysisVerdict.RUNNING, AnalysisVerdict.ASKING)


class AnalysisSettings(Value):
    """How a comparison is made. `warmup` is not judged; `duration` comes after it."""

    mode: AnalysisMode = AnalysisMode.AUTOMATIC
    warmup: NonNegative = timedelta(0)
    duration: Positive = timedelta(minutes=15)
    interval: Positive = timedelta(seconds=5)
    """How often the judge looks."""
    judgment_deadline: Positive = timedelta(hours=4)
    """How long a person has, from the beginning, or from when the judge asks one; then it fails."""
    judges: tuple[Text, ...] = ()
    """Who may decide; empty = everybody."""
    on_inconclusive: OnInconclusive = OnInconclusive.EXTEND
    early_pass: bool = False
    """End as soon as harm is excluded, before `duration` is over."""
    config: str = ""
    """The name of a canary configuration; empty = the one that is built in."""

    @property
    def longest(self) -> timedelta:
        """How long it may take until there is a verdict."""
        if self.mode is AnalysisMode.MANUAL:
            return max(self.warmup + self.duration, self.judgment_deadline)
        extended = self.duration * 2 if self.on_inconclusive is OnInconclusive.EXTEND else None
        asked = self.on_inconclusive is not OnInconclusive.FAIL
        return (
            self.warmup
            + (extended or self.duration)
            + (self.judgment_deadline if asked else timedelta(0))
        )


class Analysis(Value):
    """One comparison of a new server group (the experiment) with another (the control)."""

    id: Text
    """Chosen by who begins it; the same id goes on with what is known."""
    cluster: str
    experiment: str
    control: str
    source: str = ""
    """The group that serves the other users: history is taken from it."""
    settings: AnalysisSettings
    experiment_share: int = 0
    """In per mille of the traffic; 0 = not known."""
    control_share: int = 0
    control_offset: timedelta = timedelta(0)
    """How much earlier the control's figures are taken: for a control that has no traffic now."""
    notes: tuple[str, ...] = ()
    """What makes the comparison less fair than it should be."""


class Finding(Value):
    """What the figures say so far, in words and numbers. Times in UTC."""

    verdict: AnalysisVerdict
    sentence: str
    figures: dict[str, float] = {}
    until: datetime | None = None
    """When it ends, as far as can be said."""


class ComparedScope(Value):
    """Who is compared, for the metrics that have this name as their `scopeName`."""

    name: str = "default"
    experiment: str
    experiment_location: str = ""
    control: str
    control_location: str = ""
    control_offset: timedelta = timedelta(0)
    """How much earlier the control's windows are."""
    parameters: dict[str, str] = {}


class JudgedWindow(Value):
    """One of several judgements, made or to come: at which figures of the experiment it looks."""

    number: int
    """From 1."""
    start: datetime
    end: datetime
    score: float | None = None
    """None = it was not made."""
    verdict: str = ""
    """Pass, Marginal or Fail."""
    reason: str = ""
    """Of the score, where there is more to it than a sum."""
    warning: str = ""


class Intervals(Value):
    """What an analysis needs that is judged several times. A score that is not above `marginal`
    ends it, the last one decides; None = there is no such threshold.
    """

    scopes: tuple[ComparedScope, ...]
    windows: tuple[JudgedWindow, ...]
    pass_score: float | None = None
    marginal_score: float | None = None


class AnalysisRecord(Value):
    """All that must be known of an analysis beside its evidence. Times in UTC."""

    analysis: Analysis
    deployment: str = ""
    """On whose behalf; empty for one that a person asked for."""
    document: dict[str, Any]
    """The canary configuration as it was at the beginning, as JSON has it."""
    history: dict[str, Any] = {}
    """What was known before it began: latency thresholds, dispersion. Written once."""
    began_at: datetime
    planned_end: datetime
    is_extended: bool = False
    asked_at: datetime | None = None
    """When a person was asked to decide; None when nobody was."""
    finding: Finding
    ended_at: datetime | None = None
    intervals: Intervals | None = None
    """None = it is judged by all that was seen since it began."""


class Judgment(Value):
    """A person's answer. The first one counts."""

    analysis: Text
    choice: Literal["pass", "fail"]
    by: str = ""
    comment: str = ""
    at: datetime


class ConfigVersion(Value):
    """One version of a stored canary configuration. Versions count up from 1."""

    name: Text
    version: int
    document: dict[str, Any]
    by: str = ""
    at: datetime
