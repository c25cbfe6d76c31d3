"""How one metric is judged: the fields of `analysisConfigurations.canary`, with their defaults.

Kayenta's fields are read exactly as the reference judge reads them: a null flag is false, a null
number is 0, a null text is a mistake, and a text that it does not know means the default.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from turnout.model.canary.configuration import CanaryConfig, MetricConfig
from turnout.model.canary.lookup import ABSENT, Lookup
from turnout.model.errors import InvalidDocument

T = TypeVar("T", bound=StrEnum)


class Direction(StrEnum):
    """Which change of a metric is bad."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class NanStrategy(StrEnum):
    """What becomes of missing samples: they are dropped, or are 0."""

    REMOVE = "remove"
    REPLACE = "replace"


class OutlierStrategy(StrEnum):
    """What becomes of samples far away from the others."""

    KEEP = "keep"
    REMOVE = "remove"


class Measure(StrEnum):
    """How large an effect is: ratio of means, or share of pairs in which the canary is larger."""

    MEAN_RATIO = "meanRatio"
    CLES = "cles"


class Kind(StrEnum):
    """What a metric's samples are, for the sequential judge; `legacy` leaves it to the reference's
    rules.
    """

    COUNT = "count"
    PROPORTION = "proportion"
    LATENCY = "latency"
    GAUGE = "gauge"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class EffectSize:
    """From where on an effect counts, and from where on it is critical."""

    measure: Measure
    allowed_increase: float
    allowed_decrease: float
    critical_increase: float
    critical_decrease: float


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """Kayenta's fields."""

    direction: Direction
    nan_strategy: NanStrategy
    critical: bool
    must_have_data: bool
    muted: bool
    outlier_strategy: OutlierStrategy
    outlier_factor: float
    effect_size: EffectSize


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """Our own fields, for the sequential judge. None = not said."""

    kind: Kind | None
    margin: float
    """A relative change so small that it does not matter."""
    harm_of_interest: float
    """The relative change that should be found soon."""
    thresholds_ms: tuple[float, ...]
    dispersion: float | None
    step: float | None
    """Seconds."""


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """Risks of the sequential judge: of failing a good canary, and of passing a harmful one."""

    alpha: float
    beta: float


def read_options(metric: MetricConfig) -> MetricOptions:
    """Kayenta's fields. Raises `InvalidDocument` when a value has the wrong type."""
    lookup = _lookup(metric)
    effect = _read_effect_size(lookup)
    texts = {
        "direction": lookup.text("direction", default="either"),
        "nan": lookup.text("nanStrategy", default="remove"),
        "outliers": lookup.text("outliers", "strategy", default="keep"),
    }
    options = MetricOptions(
        direction=_known(texts["direction"], Direction.EITHER),
        nan_strategy=_known(texts["nan"], NanStrategy.REMOVE),
        critical=lookup.flag("critical"),
        must_have_data=lookup.flag("mustHaveData"),
        muted=lookup.flag("muted"),
        outlier_strategy=_known(texts["outliers"], OutlierStrategy.KEEP),
        outlier_factor=lookup.number("outliers", "outlierFactor", default=3.0, null=0.0),
        effect_size=effect,
    )
    if options.outlier_strategy is OutlierStrategy.REMOVE and not options.outlier_factor > 0:
        lookup.note(("outliers", "outlierFactor"), "must be above 0 to remove outliers")
    _refuse(lookup, f"metric {metric.name!r}")
    return options


def _read_effect_size(lookup: Lookup) -> EffectSize:
    written = lookup.text("effectSize", "measure", default="meanRatio")
    measure = _known(written, Measure.MEAN_RATIO)
    neutral = 0.5 if measure is Measure.CLES else 1.0

    def bound(name: str) -> float:
        return lookup.number("effectSize", name, default=neutral, null=0.0)

    return EffectSize(
        measure,
        allowed_increase=bound("allowedIncrease"),
        allowed_decrease=bound("allowedDecrease"),
        critical_increase=bound("criticalIncrease"),
        critical_decrease=bound("criticalDecrease"),
    )


def read_evidence_options(metric: MetricConfig) -> EvidenceOptions:
    """Our own fields. Raises `InvalidDocument` when a value has the wrong type or is out of range.

    Here a null is as absent.
    """
    lookup = _lookup(metric)
    kind = lookup.choice("kind", names=[known.value for known in Kind])
    options = EvidenceOptions(
        kind=Kind(kind) if kind else None,
        margin=lookup.number("margin", default=0.0),
        harm_of_interest=lookup.number("harmOfInterest", default=0.10),
        thresholds_ms=_read_thresholds(lookup),
        dispersion=_read_optional(lookup, "dispersion"),
        step=_read_optional(lookup, "step"),
    )
    _note_ranges(lookup, options)
    _refuse(lookup, f"metric {metric.name!r}")
    return options


def _note_ranges(lookup: Lookup, options: EvidenceOptions) -> None:
    if not options.margin >= 0:
        lookup.note(("margin",), "must be at least 0")
    if not options.harm_of_interest > 0:
        lookup.note(("harmOfInterest",), "must be above 0")
    if options.dispersion is not None and not options.dispersion >= 1:
        lookup.note(("dispersion",), "must be at least 1")
    if options.step is not None and not options.step > 0:
        lookup.note(("step",), "must be above 0 seconds")
    if options.thresholds_ms and options.kind is not Kind.LATENCY:
        lookup.note(("thresholdsMs",), "stands only with kind latency")


def _read_thresholds(lookup: Lookup) -> tuple[float, ...]:
    found = lookup.find("thresholdsMs")
    if found is ABSENT or found is None:
        return ()
    if isinstance(found, list):
        numbers = [n for n in found if isinstance(n, int | float) and not isinstance(n, bool)]
        if len(numbers) == len(found) and all(n > 0 for n in numbers):
            return tuple(float(number) for number in numbers)
    lookup.note(("thresholdsMs",), "must be a list of numbers above 0")
    return ()


def _read_optional(lookup: Lookup, name: str) -> float | None:
    found = lookup.find(name)
    return None if found is ABSENT or found is None else lookup.number(name, default=1.0)


def read_judge_options(config: CanaryConfig) -> JudgeOptions:
    """`alpha` and `beta`. Raises `InvalidDocument` unless both are numbers between 0 and 1."""
    settings = config.judge.judge_configurations if config.judge else {}
    lookup = Lookup(settings, "judge.judgeConfigurations")
    options = JudgeOptions(
        alpha=lookup.number("alpha", default=0.01), beta=lookup.number("beta", default=0.05)
    )
    for name, risk in (("alpha", options.alpha), ("beta", options.beta)):
        if not 0 < risk < 1:
            lookup.note((name,), "must lie between 0 and 1")
    _refuse(lookup, "judge")
    return options


def _lookup(metric: MetricConfig) -> Lookup:
    found = metric.analysis_configurations.get("canary")
    return Lookup(found, "analysisConfigurations.canary")


def _refuse(lookup: Lookup, what: str) -> None:
    if lookup.problems:
        first = lookup.problems[0]
        raise InvalidDocument(f"Cannot judge by the {what}: {first}", tuple(lookup.problems))


def _known(written: str, default: T) -> T:
    """A text that is not known means the default."""
    try:
        return type(default)(written)
    except ValueError:
        return default
