"""What is asked of canary analysis: which groups are compared, when, and what is enough."""

from __future__ import annotations

from pydantic import AwareDatetime, Field, JsonValue

from turnout.model.canary.configuration import CanaryConfig, ScoreThresholds
from turnout.model.canary.document import Document
from turnout.model.canary.series import MetricSetPair


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


class JudgeRequest(Document):
    """What a remote judge is sent: samples that somebody else has fetched."""

    canary_config: CanaryConfig
    score_thresholds: ScoreThresholds
    metric_set_pair_list: tuple[MetricSetPair, ...]
