"""The judge of a canary as a check: the new group beside the source."""

from __future__ import annotations

from datetime import timedelta

from turnout.model.analysis import Analysis, AnalysisSettings, OnInconclusive
from turnout.model.checks import CanaryCheck, CheckAnswer, Verdict, answer_of
from turnout.ports import Analyst, CheckContext, Clock

LOOK_EVERY = timedelta(milliseconds=500)


async def make_canary_check(
    check: CanaryCheck, context: CheckContext, analyst: Analyst, clock: Clock
) -> CheckAnswer:
    """One look in a watch; else look until there is a verdict. While there is none the answer is
    inconclusive. Raises what the analyst raises.
    """
    if not context.source:
        return CheckAnswer(
            check=check.name,
            verdict=Verdict.INCONCLUSIVE,
            sentence=f"{context.group} has no source to be compared with",
        )
    analysis = analysis_of(check, context)
    finding = await analyst.look(analysis)
    while context.lasts is None and not finding.verdict.is_end:
        await clock.sleep(LOOK_EVERY)
        finding = await analyst.look(analysis)
    return answer_of(check.name, finding)


def analysis_of(check: CanaryCheck, context: CheckContext) -> Analysis:
    """What is compared: a source without traffic by its last window before the switch."""
    duration = context.lasts or check.duration
    is_gone = not context.shares.get(context.source)
    return Analysis(
        id=f"{context.occasion}.{check.name}",
        cluster=context.cluster,
        experiment=context.group,
        control=context.source,
        source=context.source,
        settings=AnalysisSettings(
            warmup=min(check.warmup, duration / 2),
            duration=duration - min(check.warmup, duration / 2),
            interval=check.interval,
            on_inconclusive=OnInconclusive.FAIL,
            config=check.config,
        ),
        experiment_share=context.shares.get(context.group, 0),
        control_share=context.shares.get(context.source, 0),
        control_offset=duration if is_gone else timedelta(0),
    )
