"""Operations that look at a group: checks once, or all the time for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from turnout.model.checks import Check, CheckAnswer, OnError, Verdict
from turnout.model.errors import NotFound
from turnout.model.journal import CheckRecord
from turnout.model.plan import RunChecks, StepAnswer, Watch
from turnout.model.units import format_duration
from turnout.ports import CheckContext, Checker, Clock, Journal, Provider, Router

LOOK_EVERY = timedelta(milliseconds=500)


class CheckOperations:
    """Makes checks and judges their answers."""

    def __init__(
        self,
        provider: Provider,
        router: Router,
        checker: Checker,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._provider, self._router = provider, router
        self._checker, self._journal, self._clock = checker, journal, clock

    async def run(
        self,
        operation: RunChecks,
        cluster: str,
        deployment: str,
        step: str,
        *,
        moved: datetime | None,
        report: Callable[[str], None],
    ) -> StepAnswer:
        """Each check once, in order; the first that does not pass decides."""
        context = await self._context(
            cluster, operation.group, operation.source, moved, occasion=f"{deployment}.{step}"
        )
        passed = []
        for check in operation.checks:
            report(f"check {check.name}")
            answer = await self._checker.answer(check, context)
            await self._record(deployment, step, answer)
            problem = _problem(check, answer, moved=moved is not None)
            if problem is not None:
                return problem
            passed.append(answer.sentence)
        return StepAnswer(ok=True, sentence="; ".join(passed))

    async def watch(
        self,
        operation: Watch,
        cluster: str,
        deployment: str,
        step: str,
        *,
        report: Callable[[str], None],
    ) -> StepAnswer:
        """All checks again and again, side by side; the first that fails ends it."""
        since = operation.since or self._clock.now()
        context = await self._context(
            cluster,
            operation.group,
            operation.source,
            since,
            occasion=f"{deployment}.{step}",
            lasts=operation.duration,
        )
        end = self._clock.elapsed() + operation.duration
        report(f"watching {operation.group} for {format_duration(operation.duration)}")
        looks = [
            asyncio.ensure_future(self._keep_checking(check, context, deployment, step, end))
            for check in operation.checks
        ]
        looks.append(asyncio.ensure_future(self._keep_alive(operation.group, cluster, end)))
        try:
            return await _first_failure(looks)
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    async def _keep_checking(
        self, check: Check, context: CheckContext, deployment: str, step: str, end: timedelta
    ) -> StepAnswer:
        """Look until the end; the journal gets the answers that differ in verdict from the one
        before, and the last.
        """
        last: CheckAnswer | None = None
        while True:
            answer = await self._checker.answer(check, context)
            problem = _problem(check, answer, moved=True)
            over = self._clock.elapsed() >= end
            if problem or over or last is None or last.verdict != answer.verdict:
                await self._record(deployment, step, answer)
            last = answer
            if problem is not None:
                return problem
            if over:
                return StepAnswer(ok=True, sentence=answer.sentence, figures=answer.figures)
            await self._pause(end)

    async def _keep_alive(self, group: str, cluster: str, end: timedelta) -> StepAnswer:
        while True:
            found = {g.name: g for g in (await self._provider.observe_groups(cluster)).groups}
            if group not in found or not found[group].healthy:
                return StepAnswer(
                    ok=False, dead=True, sentence=f"{group} has no healthy instance any more"
                )
            if self._clock.elapsed() >= end:
                return StepAnswer(ok=True)
            await self._pause(end)

    async def _pause(self, end: timedelta) -> None:
        left = end - self._clock.elapsed()
        await self._clock.sleep(max(timedelta(0), min(LOOK_EVERY, left)))

    async def _context(
        self,
        cluster: str,
        group: str,
        source: str,
        moved: datetime | None,
        *,
        occasion: str,
        lasts: timedelta | None = None,
    ) -> CheckContext:
        state = await self._router.observe_listener(cluster)
        if state is None:
            raise NotFound(f"{cluster} has no listener while {group} is checked")
        groups = (await self._provider.observe_groups(cluster)).groups
        folders = (g.settings.run.folder for g in groups if g.name == group)
        return CheckContext(
            cluster=cluster,
            group=group,
            source=source,
            listener=state.listener,
            switched_at=moved,
            folder=next(folders, ""),
            occasion=occasion,
            shares=state.split.shares,
            lasts=lasts,
        )

    async def _record(self, deployment: str, step: str, answer: CheckAnswer) -> None:
        await self._journal.record_check(
            CheckRecord(deployment=deployment, step=step, at=self._clock.now(), answer=answer)
        )


async def _first_failure(looks: Sequence[asyncio.Future[StepAnswer]]) -> StepAnswer:
    """The first answer that is not ok; when all are, what they said."""
    waiting = set(looks)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for look in looks:
            if look in done and not look.result().ok:
                return look.result()
    answers = [look.result() for look in looks]
    figures = {name: value for answer in answers for name, value in answer.figures.items()}
    said = "; ".join(answer.sentence for answer in answers if answer.sentence)
    return StepAnswer(ok=True, sentence=said, figures=figures)


def _problem(check: Check, answer: CheckAnswer, *, moved: bool) -> StepAnswer | None:
    """What an answer means for the deployment: nothing, or the answer of the step.

    Inconclusive (too few requests to say anything) is a question before traffic, and no reason to
    turn back after.
    """
    match answer.verdict:
        case Verdict.PASS:
            return None
        case Verdict.FAIL:
            return _not_ok(answer)
        case Verdict.INCONCLUSIVE:
            return None if moved else _not_ok(answer, ask=True)
        case Verdict.ERROR:
            return _error(check, answer, moved=moved)


def _error(check: Check, answer: CheckAnswer, *, moved: bool) -> StepAnswer | None:
    on_error = check.on_error or (OnError.FAIL if moved else OnError.PAUSE)
    match on_error:
        case OnError.PASS:
            return None
        case OnError.FAIL:
            return _not_ok(answer)
        case OnError.PAUSE:
            return _not_ok(answer, ask=True)


def _not_ok(answer: CheckAnswer, *, ask: bool = False) -> StepAnswer:
    return StepAnswer(
        ok=False,
        ask=ask,
        sentence=f"check {answer.check}: {answer.sentence}",
        figures=answer.figures,
    )
