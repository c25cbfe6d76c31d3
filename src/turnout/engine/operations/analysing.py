"""The operation that compares a canary with its baseline, until there is a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from turnout.engine.operations.watching import LOOK_EVERY
from turnout.model.analysis import Analysis, AnalysisVerdict, Finding
from turnout.model.checks import answer_of
from turnout.model.journal import CheckRecord
from turnout.model.plan import Analyse, StepAnswer
from turnout.model.servers import ServerGroup
from turnout.ports import Analyst, Clock, Journal, Provider

NAME = "canary"


@dataclass(slots=True)
class _Arms:
    """How they were when they were last observed."""

    notes: tuple[str, ...] = ()
    observed: asyncio.Event = field(default_factory=asyncio.Event)


class AnalysisOperations:
    """Has the analyst look again and again, and looks after the arms meanwhile."""

    def __init__(
        self, provider: Provider, analyst: Analyst, journal: Journal, clock: Clock
    ) -> None:
        self._provider, self._analyst = provider, analyst
        self._journal, self._clock = journal, clock

    async def analyse(
        self,
        operation: Analyse,
        cluster: str,
        deployment: str,
        step: str,
        *,
        report: Callable[[str], None],
    ) -> StepAnswer:
        """Only the verdict `pass` is a success. Raises `Temporary`: what was seen is not lost."""
        analysis = Analysis(
            id=f"{deployment}.{step}",
            cluster=cluster,
            experiment=operation.group,
            control=operation.baseline,
            source=operation.source,
            settings=operation.settings,
            experiment_share=operation.share,
            control_share=operation.share,
        )
        arms = _Arms()
        death = asyncio.ensure_future(self._await_death(operation, cluster, arms))
        looks = asyncio.ensure_future(self._look(analysis, arms, deployment, step, report))
        try:
            await asyncio.wait({death, looks}, return_when=asyncio.FIRST_COMPLETED)
            return looks.result() if looks.done() else death.result()
        finally:
            for task in (death, looks):
                task.cancel()
            await asyncio.gather(death, looks, return_exceptions=True)

    async def _look(
        self,
        analysis: Analysis,
        arms: _Arms,
        deployment: str,
        step: str,
        report: Callable[[str], None],
    ) -> StepAnswer:
        """The journal gets every change of verdict."""
        told: AnalysisVerdict | None = None
        await arms.observed.wait()
        while True:
            finding = await self._analyst.look(analysis.model_copy(update={"notes": arms.notes}))
            report(finding.sentence)
            if finding.verdict is not told:
                await self._record(deployment, step, finding)
            told = finding.verdict
            if finding.verdict.is_end:
                return _answer(finding)
            await self._clock.sleep(LOOK_EVERY)

    async def _await_death(self, operation: Analyse, cluster: str, arms: _Arms) -> StepAnswer:
        """Observe the arms until one has no healthy instance any more: its users are failing."""
        while True:
            found = {g.name: g for g in (await self._provider.observe_groups(cluster)).groups}
            for arm in (operation.group, operation.baseline):
                if arm not in found or not found[arm].healthy:
                    return _dead(arm, is_canary=arm == operation.group)
            arms.notes = _unfairness(found[operation.group], found[operation.baseline])
            arms.observed.set()
            await self._clock.sleep(LOOK_EVERY)

    async def _record(self, deployment: str, step: str, finding: Finding) -> None:
        answer = answer_of(NAME, finding)
        await self._journal.record_check(
            CheckRecord(deployment=deployment, step=step, at=self._clock.now(), answer=answer)
        )


def _dead(arm: str, *, is_canary: bool) -> StepAnswer:
    said = f"{arm} has no healthy instance any more"
    if is_canary:
        return StepAnswer(ok=False, dead=True, sentence=f"the canary {said}")
    told = f"inconclusive: the baseline {said}, so there is nothing to compare the canary with"
    return StepAnswer(ok=False, dead=True, sentence=told)


def _answer(finding: Finding) -> StepAnswer:
    match finding.verdict:
        case AnalysisVerdict.PASS:
            return StepAnswer(ok=True, sentence=finding.sentence, figures=finding.figures)
        case verdict:
            lead = "" if verdict is AnalysisVerdict.FAIL else f"{verdict}: "
            return StepAnswer(
                ok=False, sentence=f"{lead}{finding.sentence}", figures=finding.figures
            )


def _unfairness(experiment: ServerGroup, control: ServerGroup) -> tuple[str, ...]:
    """How the arms differ in what should be alike, in words."""
    notes = []
    if experiment.healthy != control.healthy:
        notes.append(
            f"the canary has {experiment.healthy} healthy instances, the baseline {control.healthy}"
        )
    restarts = [sum(i.restarts for i in g.instances) for g in (experiment, control)]
    if any(restarts):
        notes.append(f"instances were restarted: canary {restarts[0]}, baseline {restarts[1]}")
    return tuple(notes)
