"""What a judge found, metric by metric, group by group, and as a whole."""

from __future__ import annotations

from enum import StrEnum

from turnout.model.canary.document import Document


class Classification(StrEnum):
    """What was found about one metric."""

    PASS = "Pass"
    HIGH = "High"
    LOW = "Low"
    NO_DATA = "Nodata"
    NO_DATA_FAIL = "NodataFailMetric"
    ERROR = "Error"


class Verdict(StrEnum):
    """What was found about the canary."""

    PASS = "Pass"
    MARGINAL = "Marginal"
    FAIL = "Fail"


class Stats(Document):
    """Figures of the samples of one side that were judged; all 0 when there were none."""

    min: float
    max: float
    mean: float
    std: float
    count: int


class SideMetadata(Document):
    """What is told about one side."""

    stats: Stats | None = None


class ResultMetadata(Document):
    """`ratio`: the mean of the experiment by that of the control; may be not a number."""

    ratio: float | None = None


class MetricResult(Document):
    """What was found about one metric set pair."""

    name: str
    id: str
    tags: dict[str, str]
    classification: Classification
    classification_reason: str | None = None
    groups: tuple[str, ...]
    experiment_metadata: SideMetadata
    control_metadata: SideMetadata
    result_metadata: ResultMetadata | None = None
    critical: bool
    muted: bool


class GroupScore(Document):
    """What a group of metrics reached, from 0 to 100."""

    name: str
    score: float
    classification: str
    classification_reason: str


class Score(Document):
    """What the canary reached, from 0 to 100, and what that means."""

    score: float
    classification: Verdict
    classification_reason: str


class JudgeResult(Document):
    """The whole judgement; results are in the order of the pairs."""

    judge_name: str
    results: tuple[MetricResult, ...]
    group_scores: tuple[GroupScore, ...]
    score: Score
