"""From classifications to scores: of each group, and of the canary.

Only `Pass` counts as good. `Nodata` and `Error` are left out, so a group that has nothing else
reaches 0, and counts as 100 in the total.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from turnout.model.canary.configuration import CanaryConfig, ScoreThresholds
from turnout.model.canary.result import Classification, GroupScore, MetricResult, Score, Verdict

_COUNTED = (
    Classification.HIGH,
    Classification.LOW,
    Classification.PASS,
    Classification.NO_DATA_FAIL,
)


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    score: float
    has_data: bool


def score(
    results: Sequence[MetricResult], config: CanaryConfig, thresholds: ScoreThresholds
) -> tuple[tuple[GroupScore, ...], Score]:
    """The scores of the groups, in the order in which metrics name them, and the verdict."""
    heard = [result for result in results if not result.muted]
    groups = _score_groups(heard)
    weights = config.classifier.group_weights if config.classifier else {}
    reason = _failure(heard)
    total = 0.0 if reason else _total(groups, weights)
    shown = tuple(
        GroupScore(name=g.name, score=g.score, classification="", classification_reason="")
        for g in groups
    )
    verdict = _verdict(total, thresholds)
    return shown, Score(score=total, classification=verdict, classification_reason=reason)


def _score_groups(results: Sequence[MetricResult]) -> list[_Group]:
    counts: dict[str, Counter[Classification]] = {}
    for result in results:
        for group in result.groups:
            counts.setdefault(group, Counter())[result.classification] += 1
    return [_score_group(name, count) for name, count in counts.items()]


def _score_group(name: str, count: Counter[Classification]) -> _Group:
    total = sum(count[one] for one in _COUNTED)
    if total == 0:
        return _Group(name, 0.0, has_data=False)
    return _Group(name, count[Classification.PASS] / total * 100, has_data=True)


def _failure(results: Sequence[MetricResult]) -> str:
    """Why the canary fails whatever its groups reach; empty when it does not."""
    for result in results:
        if result.critical and result.classification is not Classification.PASS:
            return f"Canary Failed: {result.classification_reason or 'null'}"
    unknown = sum(result.classification is Classification.NO_DATA for result in results)
    if results and unknown / len(results) >= 0.5:
        return "Canary Failed: 50% or more metrics returned NODATA"
    return ""


def _total(groups: Sequence[_Group], weights: Mapping[str, float]) -> float:
    """Groups without a weight share what all weights leave, also what is less than nothing."""
    open_groups = sum(group.name not in weights for group in groups)
    share = (100 - sum(weights.values())) / open_groups if open_groups else 0.0
    total = 0.0
    for group in groups:
        reached = group.score if group.has_data else 100.0
        total += reached * (weights.get(group.name, share) / 100)
    return float(Decimal(repr(total)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _verdict(total: float, thresholds: ScoreThresholds) -> Verdict:
    if total >= thresholds.pass_:
        return Verdict.PASS
    return Verdict.MARGINAL if total >= thresholds.marginal else Verdict.FAIL
