"""What a canary is judged by: metrics, how each one is judged, and what each is worth."""

from __future__ import annotations

from pydantic import Field, JsonValue

from turnout.model.canary.document import Document
from turnout.model.canary.queries import Query

COMPATIBLE_JUDGE = "NetflixACAJudge-v1.0"
SEQUENTIAL_JUDGE = "turnout-sequential"
JUDGES = (COMPATIBLE_JUDGE, SEQUENTIAL_JUDGE)

REMOTE_JUDGE = "RemoteJudge-v1.0"
"""What Kayenta calls the judge that it sends samples to, whoever that is. Which of ours it gets is
said by `judge.judgeConfigurations.judge`."""


class JudgeChoice(Document):
    """Which judge, one of `JUDGES`, and its settings (`options.read_judge_options`)."""

    name: str | None = None
    judge_configurations: dict[str, JsonValue] = {}


class ScoreThresholds(Document):
    """Scores from 0 to 100: at least `pass_` passes, at least `marginal` is marginal."""

    pass_: float = Field(alias="pass")
    marginal: float


class Classifier(Document):
    """What groups of metrics are worth, in per cent.

    The thresholds are carried along; a judge takes those of the request.
    """

    group_weights: dict[str, float] = {}
    score_thresholds: ScoreThresholds | None = None


class MetricConfig(Document):
    """One metric: where its samples come from, and how they are judged.

    `analysis_configurations` is kept as it was written, because the compatible judge tells an
    explicit null from an absent field; `options` reads it.
    """

    name: str = ""
    query: Query | None = None
    exposure_query: Query | None = None
    """Ours. The requests that a count or a proportion refers to."""
    groups: tuple[str, ...] = ()
    analysis_configurations: dict[str, JsonValue] = {}
    scope_name: str | None = None


class CanaryConfig(Document):
    """The configuration of a canary, as it is stored and exchanged."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    config_version: str | None = None
    applications: tuple[str, ...] = ()
    judge: JudgeChoice | None = None
    metrics: tuple[MetricConfig, ...] = ()
    templates: dict[str, str] = {}
    classifier: Classifier | None = None
    created_timestamp: int | None = None
    """Milliseconds since 1970."""
    created_timestamp_iso: str | None = None
    updated_timestamp: int | None = None
    updated_timestamp_iso: str | None = None
