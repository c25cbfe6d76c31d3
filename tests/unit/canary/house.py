"""An analyst among fakes: a clock that jumps, sources that say what they are told."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from turnout.canary.analyst import LiveAnalyst
from turnout.model.analysis import (
    Analysis,
    AnalysisRecord,
    AnalysisSettings,
    Finding,
    Judgment,
)
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import NotFound, TurnoutError
from turnout.model.samples import Series
from turnout.testing import MemoryClock, World
from turnout.testing.world import START

CANARY, BASELINE, SOURCE = "shop-v004", "shop-v003", "shop-v002"

Value = Callable[[str, str, int], float]
"""Of a figure, for a group, at a second since the start of the world."""


def healthy(figure: str, group: str, second: int) -> float:
    """Twenty requests a second each, every two-hundredth fails, in both alike."""
    return {
        "requests": 20.0,
        "errors": float(second % 10 == 0),
        "client_errors": 0.0,
        "cpu": 100.0
        + 7 * math.sin(second * 1.7 + len(group))
        + 5 * math.cos(second * 2.9 + hash(group) % 7),
    }.get(figure, 0.0)


class FakeSource:
    """Answers from a function; `trouble` is raised instead while it is set."""

    def __init__(self, value: Value) -> None:
        self.value, self.asked = value, 0
        self.trouble: TurnoutError | None = None
        self.known_until = math.inf
        """Seconds; later samples are missing."""
        self.gap = (math.inf, math.inf)
        """Seconds in which nobody looked: known as a total only."""
        self.lag = 0.0
        self.now: Callable[[], float] = lambda: math.inf
        """How long after a step its sample arrives; what the time is, in seconds of the world."""
        self.broken: dict[str, TurnoutError] = {}
        """Figures that cannot be had."""
        self.hanging: frozenset[str] = frozenset()
        """Figures that never come, and are no error either."""

    def _is_torn(self, begin: int, step: int) -> bool:
        first, last = self.gap
        return (
            begin < last and begin + step > first and not (begin <= first and begin + step >= last)
        )

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        return str(query)

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.trouble:
            raise self.trouble
        figure = str(getattr(query, "metric_name", ""))
        if figure in self.broken:
            raise self.broken[figure]
        if figure in self.hanging:
            await asyncio.Event().wait()
        first = (scope.start - START).total_seconds()
        count = int((scope.end - scope.start).total_seconds() / scope.step)
        step = timedelta(seconds=scope.step)

        def total(n: int, figure: str = figure) -> float:
            begin = int(first + n * scope.step)
            known_until = min(self.known_until, self.now() - self.lag)
            if begin + scope.step > known_until or self._is_torn(begin, scope.step):
                return math.nan
            found = [self.value(figure, scope.scope or "", begin + s) for s in range(scope.step)]
            return sum(found) / (scope.step if figure in ("cpu", "memory") else 1)

        if figure == "latency":
            bounds = scope.extended_scope_params.get("thresholdsMs", "50,250,1000").split(",")
            timed = tuple(total(n, "requests") for n in range(count))
            slow = tuple(0.1 * total(n) for n in range(count))
            return tuple(
                Series(tags={"above_ms": bound}, start=scope.start, step=step, values=values)
                for bound, values in [("0", timed), *((bound, slow) for bound in bounds)]
            )
        return (Series(start=scope.start, step=step, values=tuple(total(n) for n in range(count))),)


class FakeArchive:
    """Keeps it in memory."""

    def __init__(self) -> None:
        self.records: dict[str, AnalysisRecord] = {}
        self.evidence: dict[str, dict[int, str]] = {}
        self.judgments: dict[str, Judgment] = {}

    async def record_analysis(self, record: AnalysisRecord) -> None:
        self.records[record.analysis.id] = record

    async def read_analysis(self, analysis: str) -> AnalysisRecord:
        if analysis not in self.records:
            raise NotFound(f"no analysis {analysis}")
        return self.records[analysis]

    async def append_evidence(self, analysis: str, number: int, evidence: str) -> bool:
        kept = self.evidence.setdefault(analysis, {})
        if number in kept:
            return False
        kept[number] = evidence
        return True

    async def read_evidence(self, analysis: str, first: int = 0) -> tuple[str, ...]:
        known = sorted(self.evidence.get(analysis, {}).items())
        return tuple(text for number, text in known if number >= first)

    async def read_judgment(self, analysis: str) -> Judgment | None:
        return self.judgments.get(analysis)


def metric(name: str, kind: str, query: str, **options: Any) -> dict[str, Any]:
    figure = {"type": "process" if query in ("cpu", "memory") else "router", "metricName": query}
    return {
        "name": name,
        "query": figure,
        "groups": [name],
        "scopeName": "default",
        "analysisConfigurations": {"canary": {"kind": kind, "direction": "increase", **options}},
    }


def store_metric(name: str, kind: str, query: str, **options: Any) -> dict[str, Any]:
    """One that a metrics system has."""
    exposure = {"exposureQuery": _prometheus("requests")} if kind == "proportion" else {}
    return metric(name, kind, query, **options) | {"query": _prometheus(query)} | exposure


def _prometheus(name: str) -> dict[str, Any]:
    return {"type": "prometheus", "metricName": name}


def config(*metrics: dict[str, Any], **more: Any) -> CanaryConfig:
    return read_document(
        CanaryConfig,
        {"name": "test", "applications": ["shop"], "metrics": list(metrics), **more},
    )


ERRORS = metric("errors", "proportion", "errors", critical=True)


class House:
    """One analysis of the canary beside the baseline."""

    def __init__(
        self,
        value: Value = healthy,
        *,
        configuration: CanaryConfig | None = None,
        control_offset: timedelta = timedelta(0),
        shares: tuple[int, int] = (50, 50),
        **settings: Any,
    ) -> None:
        self.world, self.archive = World(), FakeArchive()
        self.world.elapsed = timedelta(hours=1)
        self.world.now = START + timedelta(hours=1)
        self.clock = MemoryClock(self.world)
        self.source = FakeSource(value)
        self.source.now = lambda: self.seconds + 3600
        self.configuration = configuration or config(ERRORS)
        settings.setdefault("duration", timedelta(minutes=2))
        settings.setdefault("interval", timedelta(seconds=1))
        self.analysis = Analysis(
            id="d-1.analyse-50",
            cluster="shop",
            experiment=CANARY,
            control=BASELINE,
            source=SOURCE,
            settings=AnalysisSettings(**settings),
            experiment_share=shares[0],
            control_share=shares[1],
            control_offset=control_offset,
        )
        self.analyst = self.restarted()

    def restarted(self) -> LiveAnalyst:
        """As after a restart of the control plane."""
        self.analyst = LiveAnalyst(
            self.source,
            self.archive,  # type: ignore[arg-type]
            self.clock,
            lambda: self.configuration,
        )
        return self.analyst

    async def look(self) -> Finding:
        return await self.analyst.look(self.analysis)

    async def wait(self, seconds: float, every: float = 1.0) -> Finding:
        """Look every so often for so long, or until there is an end."""
        finding = await self.look()
        end = self.clock.elapsed() + timedelta(seconds=seconds)
        while self.clock.elapsed() < end and not finding.verdict.is_end:
            await self.clock.sleep(timedelta(seconds=every))
            finding = await self.look()
        return finding

    @property
    def seconds(self) -> float:
        """Since the beginning of the analysis."""
        return (self.clock.now() - (START + timedelta(hours=1))).total_seconds()
