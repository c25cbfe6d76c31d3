"""Where a metric's samples come from: one kind of query for each metrics store.

Fields that a query needs are not demanded here but by `validation`, so that a document of another
installation can always be read.

`account` names the account that is asked where there are several of the query's type; it is ours.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from turnout.model.canary.document import Document

ROUTER_FIGURES = (
    "requests",
    "errors",
    "client_errors",
    "timeouts",
    "resets",
    "latency",
    "latency_quantile",
)
PROCESS_FIGURES = ("cpu", "memory", "open_files")

MACHINES = ("gce_instance", "aws_ec2_instance")
"""Values of `resourceType` for which the labels of a server group are known."""

WITHOUT_LABELS = (
    "no labels of a server group are known: write a customInlineTemplate, for example "
    f'group="${{scope}}", or a resourceType: {" or ".join(MACHINES)}'
)
"""What is wrong with a Prometheus query that has neither template nor one of these types."""

ABOVE = "above_ms"
"""The tag of a tail: how slow the requests in it are at least. 0 are all that were timed."""

THRESHOLDS = "thresholdsMs"
"""The scope's parameter with the tails that are wanted: `50,100,250`."""


class PrometheusQuery(Document):
    """A range query, built from a metric and labels or given as a template."""

    type: Literal["prometheus"]
    account: str | None = None
    metric_name: str | None = None
    resource_type: str | None = None
    label_bindings: tuple[str, ...] = ()
    group_by_fields: tuple[str, ...] = ()
    custom_inline_template: str | None = None
    custom_filter_template: str | None = None
    custom_filter: str | None = None
    """Retired: a query that has it is refused when it is asked."""


class StackdriverQuery(Document):
    """Google Cloud Monitoring."""

    type: Literal["stackdriver"]
    metric_type: str | None = None
    resource_type: str | None = None
    cross_series_reducer: str | None = None
    per_series_aligner: str | None = None
    group_by_fields: tuple[str, ...] = ()
    custom_inline_template: str | None = None
    custom_filter_template: str | None = None
    custom_filter: str | None = None
    """Retired: a query that has it is refused when it is asked."""


class DatadogQuery(Document):
    """A Datadog metric within a scope."""

    type: Literal["datadog"]
    account: str | None = None
    metric_name: str | None = None
    custom_inline_template: str | None = None
    custom_filter_template: str | None = None


class NewRelicQuery(Document):
    """NRQL: what is selected, and a condition."""

    type: Literal["newrelic"]
    account: str | None = None
    select: str | None = None
    q: str | None = None
    custom_inline_template: str | None = None
    custom_filter_template: str | None = None


class QueryPair(Document):
    """A dimension of SignalFx and the value that it must have."""

    key: str
    value: str


class SignalFxQuery(Document):
    """A SignalFlow program over one metric."""

    type: Literal["signalfx"]
    metric_name: str | None = None
    aggregation_method: str = "mean"
    query_pairs: tuple[QueryPair, ...] = ()
    custom_inline_template: str | None = None
    custom_filter_template: str | None = None


class InfluxDbQuery(Document):
    """Fields of a measurement; without any, all of them."""

    type: Literal["influxdb"]
    account: str | None = None
    metric_name: str | None = None
    fields_: tuple[str, ...] = Field(default=(), alias="fields")
    custom_inline_template: str | None = None


class GraphiteQuery(Document):
    """A target; `$scope` and `$location` in it are replaced."""

    type: Literal["graphite"]
    account: str | None = None
    metric_name: str | None = None


class CloudWatchQuery(Document):
    """A metric of Amazon CloudWatch; a type of our own. `dimensions` may hold `${scope}` and other
    variables of templates; `statistic` is Average, Sum, Maximum, p99 and the like.
    """

    type: Literal["cloudwatch"]
    account: str | None = None
    namespace: str | None = None
    metric_name: str | None = None
    dimensions: dict[str, str] = {}
    statistic: str = "Average"


class WavefrontQuery(Document):
    """A time series with an aggregate around it."""

    type: Literal["wavefront"]
    metric_name: str | None = None
    aggregate: str | None = None
    summarization: str | None = None


class AtlasQuery(Document):
    """The stack language."""

    type: Literal["atlas"]
    q: str | None = None


class RouterQuery(Document):
    """A figure of our own router for a server group: one of `ROUTER_FIGURES`.

    `latency` stands for the counts of requests above thresholds; `latency_quantile` needs
    `quantile`, between 0 and 1.
    """

    type: Literal["router"]
    metric_name: str | None = None
    quantile: float | None = None


class ProcessQuery(Document):
    """A figure of the processes of a server group: one of `PROCESS_FIGURES`."""

    type: Literal["process"]
    metric_name: str | None = None


Query = Annotated[
    PrometheusQuery
    | StackdriverQuery
    | DatadogQuery
    | NewRelicQuery
    | SignalFxQuery
    | InfluxDbQuery
    | GraphiteQuery
    | CloudWatchQuery
    | WavefrontQuery
    | AtlasQuery
    | RouterQuery
    | ProcessQuery,
    Field(discriminator="type"),
]
