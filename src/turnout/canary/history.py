"""What is known about a service before its canary: its usual latency, its bursts of errors."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from turnout.canary.evidence import Columns
from turnout.canary.fetching import Arm, Fetcher, Window, read_tails, settle
from turnout.canary.subjects import Subject
from turnout.model.canary.options import Kind
from turnout.model.canary.queries import RouterQuery
from turnout.model.canary.request import CanaryScope
from turnout.ports import MetricSource

LOOKS_BACK = timedelta(minutes=10)
_SLICE = timedelta(seconds=5)
"""Of a time that may be known in parts only."""

QUANTILES = (0.5, 0.9, 0.99)
ENOUGH_REQUESTS = 200
MOST_DISPERSED = 13.0
"""An incident just before a canary must not blind it; larger ones have not been tried either."""

ENOUGH_STEPS = 60
"""For an opinion about bursts; with fewer steps none is assumed."""


async def learn(
    subjects: Sequence[Subject],
    source: MetricSource,
    templates: Mapping[str, str],
    arm: Arm,
    until: datetime,
) -> dict[str, Any]:
    """Latency thresholds and dispersion per metric, from the time before `until`.

    What cannot be known is left out: a canary does not depend on it.
    """
    found: dict[str, dict[str, Any]] = {}
    fetcher = Fetcher(source, templates)

    async def about(subject: Subject) -> None:
        known: dict[str, Any] = {}
        if subject.kind is Kind.LATENCY:
            usual = await _usual(source, templates, arm, until)
            known["thresholds_ms"] = usual
            subject = replace(subject, thresholds_ms=tuple(usual) or subject.thresholds_ms)
        if subject.dispersion is None:
            known["dispersion"] = await _bursts(fetcher, subject, arm, until)
        found[subject.name] = {name: value for name, value in known.items() if value}

    counted = [s for s in subjects if s.kind in (Kind.COUNT, Kind.PROPORTION, Kind.LATENCY)]
    await settle([(s.name, partial(about, s)) for s in counted])
    return found


async def _usual(
    source: MetricSource, templates: Mapping[str, str], arm: Arm, until: datetime
) -> list[float]:
    """The bounds nearest to the median, p90 and p99."""
    scope = CanaryScope(
        scope=arm.scope,
        location=arm.location,
        start=until - LOOKS_BACK,
        end=until,
        step=round(_SLICE.total_seconds()),
    )
    latency = RouterQuery(type="router", metric_name="latency")
    tails = read_tails(await source.fetch(latency, scope, templates))
    above = {bound: _total(values) for bound, values in tails.items()}
    total = above.pop(0.0, 0.0)
    if total < ENOUGH_REQUESTS or not above:
        return []
    return sorted(
        {min(above, key=lambda bound: abs(above[bound] - (1 - q) * total)) for q in QUANTILES}
    )


async def _bursts(fetcher: Fetcher, subject: Subject, arm: Arm, until: datetime) -> float | None:
    count = int(LOOKS_BACK / subject.step) // 2 * 2
    if count < 2 * ENOUGH_STEPS:
        return None
    window = Window(until - count * subject.step, subject.step, 0, count)
    columns = (await fetcher.fetch(subject, arm, window)).get((), ())
    return await asyncio.to_thread(dispersion_of, columns)


def dispersion_of(columns: Columns) -> float | None:
    """φ of events and their exposure, the last column, from neighbouring steps: what these share
    does not count. Of several columns of events that of the burstiest.
    """
    *events, exposure = columns or ((),)
    found = [_dispersion(column, exposure) for column in events]
    known = [one for one in found if one is not None]
    return min(max(known), MOST_DISPERSED) if known else None


def _dispersion(events: Sequence[float], exposure: Sequence[float]) -> float | None:
    from turnout.analysis.sequential.dispersion import estimate_dispersion  # noqa: PLC0415 - large

    known = [(e, n) for e, n in zip(events, exposure, strict=True) if math.isfinite(e + n)]
    pairs = list(zip(known[::2], known[1::2], strict=False))
    if len(pairs) < ENOUGH_STEPS:
        return None
    one, other = zip(*pairs, strict=True)
    return estimate_dispersion(*zip(*one, strict=True), *zip(*other, strict=True))


def _total(values: Sequence[float]) -> float:
    return sum(value for value in values if not math.isnan(value))
