"""Canary: production, a fresh small copy of it (the baseline) and the new version at the same small
size (the canary) side by side; what is fine is promoted by another strategy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from turnout.model.checks import TripWires
from turnout.model.deployment import Options, Request, Service, StrategyName
from turnout.model.plan import Analyse, Plan
from turnout.model.servers import GroupSettings, Role, ServerGroup, ready_count
from turnout.strategies.blue_green import plan_blue_green
from turnout.strategies.draft import Draft, format_instances
from turnout.strategies.highlander import plan_highlander
from turnout.strategies.new_group import prepare
from turnout.strategies.rolling_blue_green import plan_rolling_blue_green
from turnout.strategies.shares import shares_of, with_share

_PROMOTIONS: dict[StrategyName, Callable[[Draft, Request, Service], Plan]] = {
    StrategyName.BLUE_GREEN: plan_blue_green,
    StrategyName.ROLLING_BLUE_GREEN: plan_rolling_blue_green,
    StrategyName.HIGHLANDER: plan_highlander,
}

_FAILURES_ONLY = TripWires(
    name="failures in the warm-up", latency_factor=1000, latency_increase=timedelta(hours=1)
)
"""While it warms up a canary may be slow, but not broken."""


def plan_canary(draft: Draft, request: Request, service: Service) -> Plan:
    """Create both arms, ready, checks; per step shift, warm up, compare; then all traffic back to
    production in one change, promote, and destroy the arms.

    Without anything that serves there is nothing to compare with: the promotion alone.
    """
    options, source = service.options, draft.state.source
    if source is not None:
        prepare(draft, service)
        baseline, canary = _bring_up_arms(draft, service, source)
        for share in options.canary_steps or (options.traffic,):
            _compare(draft, options, source.name, baseline, canary, share)
        before = shares_of(draft.state)
        draft.shift(before, dict.fromkeys(before, 1), step="end-canary")
        _note(draft, service, source)
    return _PROMOTIONS[options.promote_with](draft, request, service)


def _bring_up_arms(draft: Draft, service: Service, source: ServerGroup) -> tuple[str, str]:
    """The baseline and the canary, equally large, created one right after the other."""
    options, size = service.options, service.options.canary_instances
    baseline = draft.next_group()
    draft.create(baseline, source.settings, size, role=Role.BASELINE)
    canary = draft.next_group()
    draft.create(canary, service.settings, size, role=Role.CANARY)
    draft.arms, draft.canary = [baseline, canary], canary
    ready = ready_count(size, options.healthy_share)
    for arm, role in ((baseline, Role.BASELINE), (canary, Role.CANARY)):
        draft.await_ready(arm, ready, options.ready_deadline, step=f"ready-{role}")
    draft.checks(
        options.before_traffic,
        canary,
        step="checks-canary",
        title=f"check {canary} before it gets traffic",
    )
    return baseline, canary


def _compare(
    draft: Draft, options: Options, source: str, baseline: str, canary: str, share: int
) -> None:
    arms = (baseline, canary)
    shares = shares_of(draft.state)
    production = with_share(shares, "", 2 * share)
    production.pop("")
    ready = dict.fromkeys(production, 1) | dict.fromkeys(
        arms, ready_count(options.canary_instances, options.healthy_share)
    )
    draft.shift(production | dict.fromkeys(arms, share), ready, step=f"canary-{share}")
    draft.watch(
        (_FAILURES_ONLY,), canary, options.warmup, step=f"warmup-{share}", where=" as it warms up"
    )
    settings = options.analysis_settings.model_copy(update={"warmup": timedelta(0)})
    draft.analyse(
        Analyse(group=canary, baseline=baseline, source=source, share=share, settings=settings),
        step=f"analyse-{share}",
    )


def _note(draft: Draft, service: Service, source: ServerGroup) -> None:
    options = service.options
    if options.canary_instances == 1:
        draft.notes.append(
            "one instance of each arm: a difference between the two may be the instance's own. "
            "Two or more (canary_instances: 2) tell a bad version from a bad instance"
        )
    differing = _differences(source.settings, service.settings)
    if differing:
        draft.notes.append(
            f"the new version also has other settings ({', '.join(differing)}): the comparison "
            "covers them and the version together"
        )
    draft.notes.append(
        f"baseline and canary ({format_instances(options.canary_instances)} each) are drained and "
        "destroyed whatever comes out"
    )


def _differences(old: GroupSettings, new: GroupSettings) -> list[str]:
    """Names of settings that differ beside the version and what follows from it."""
    names = [n for n in GroupSettings.model_fields if n not in ("version", "run")]
    found = [n for n in names if getattr(old, n) != getattr(new, n)]
    return [*found, "env"] if old.run.environment != new.run.environment else found
