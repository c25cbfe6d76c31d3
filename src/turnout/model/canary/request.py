"""What is asked of canary analysis: which groups are compared, when, and what is enough."""

from __future__ import annotations

from pydantic import AwareDatetime, Field, JsonValue

from turnout.model.canary.configuration import CanaryConfig, ScoreThresholds
from turnout.model.canary.document import Document
from turnout.model.canary.series import MetricSetPair

MOST_MINUTES = 7 * 24 * 60
"""How long an analysis may last."""

MOST_OFFSET = 366 * 24 * 60
"""Minutes: the same time of last year."""


class CanaryScope(Document):
    """One side: a server group or the like, in a place, for a time. `step` is in seconds."""

    scope: str | None = None
    location: str | None = None
    start: AwareDatetime
    end: AwareDatetime
    step: int = Field(ge=0)
    extended_scope_params: dict[str, str] = {}


class ScopePair(Document):
    """The two sides of a comparison."""

    control_scope: CanaryScope
    experiment_scope: CanaryScope


class MetadataEntry(Document):
    """Something that the caller wants to find again with the result."""

    name: str
    value: str
    hidden: bool = False


class ExecutionRequest(Document):
    """A judgement over one window. `scopes` are found by a metric's `scope_name`."""

    scopes: dict[str, ScopePair]
    thresholds: ScoreThresholds
    metadata: tuple[MetadataEntry, ...] = ()
    site_local: dict[str, JsonValue] = {}


class AdHocRequest(Document):
    """A judgement by a configuration that is not stored."""

    canary_config: CanaryConfig
    execution_request: ExecutionRequest


class AnalysisScope(Document):
    """Two sides, for a judgement that is made several times. `step` is in seconds."""

    scope_name: str = "default"
    control_scope: str = Field(min_length=1)
    control_location: str = ""
    control_offset_in_minutes: int = Field(0, ge=0, le=MOST_OFFSET)
    experiment_scope: str = Field(min_length=1)
    experiment_location: str = ""
    start_time_iso: AwareDatetime | None = None
    end_time_iso: AwareDatetime | None = None
    step: int = Field(60, ge=1, le=86_400)
    extended_scope_params: dict[str, str] = {}


class AnalysisThresholds(Document):
    """As `ScoreThresholds`, but either may be absent."""

    pass_: float | None = Field(None, alias="pass")
    marginal: float | None = None


class AnalysisRequest(Document):
    """Judgements of windows that grow or slide. Start, end and step are those of the first scope;
    without an interval, or with one that is longer than all of the time, there is one judgement.
    """

    scopes: tuple[AnalysisScope, ...]
    thresholds: AnalysisThresholds = AnalysisThresholds()
    lifetime_duration_mins: int | None = Field(None, ge=1, le=MOST_MINUTES)
    begin_after_mins: int = Field(0, ge=0, le=MOST_MINUTES)
    lookback_mins: int = Field(0, ge=0, le=MOST_MINUTES)
    analysis_interval_mins: int | None = Field(None, ge=0, le=MOST_MINUTES)
    site_local: dict[str, JsonValue] = {}


class AdHocAnalysisRequest(Document):
    """The same by a configuration that is not stored."""

    canary_config: CanaryConfig
    execution_request: AnalysisRequest


class JudgeRequest(Document):
    """What a remote judge is sent: samples that somebody else has fetched."""

    canary_config: CanaryConfig
    score_thresholds: ScoreThresholds
    metric_set_pair_list: tuple[MetricSetPair, ...]
