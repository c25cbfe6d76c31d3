"""From a request and what is observed to a plan. The table of strategies is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from turnout.model.deployment import ClusterState, Kind, Request, Service, StrategyName
from turnout.model.errors import Rule
from turnout.model.plan import Plan
from turnout.strategies.blue_green import plan_blue_green
from turnout.strategies.canary import plan_canary
from turnout.strategies.dark import plan_dark
from turnout.strategies.draft import Draft, fingerprint
from turnout.strategies.guards import moved_listener, refusal, runs_already
from turnout.strategies.highlander import plan_highlander
from turnout.strategies.manual import (
    plan_destroy,
    plan_disable,
    plan_enable,
    plan_manual_rollback,
    plan_resize,
    plan_shrink,
)
from turnout.strategies.rolling_blue_green import plan_rolling_blue_green

STRATEGIES: dict[StrategyName, Callable[[Draft, Request, Service], Plan]] = {
    StrategyName.BLUE_GREEN: plan_blue_green,
    StrategyName.ROLLING_BLUE_GREEN: plan_rolling_blue_green,
    StrategyName.HIGHLANDER: plan_highlander,
    StrategyName.CANARY: plan_canary,
    StrategyName.DARK: plan_dark,
}


def plan_deployment(  # noqa: PLR0911 - a table
    request: Request, state: ClusterState
) -> Plan:
    """Plan any request.

    A plan that must not run says so in `refused`. Raises `Conflict` when no group name is free.
    """
    if request.fingerprint and request.fingerprint != fingerprint(request, state):
        return Draft(request, state, f"{request.kind} {request.cluster}").refuse(
            f"this is not what was planned: {request.cluster}, or what is asked for, is not as it "
            f"was when the plan {request.fingerprint} was made. Plan again",
            Rule.STALE_PLAN,
        )
    match request.kind:
        case Kind.DEPLOY:
            return _plan_deploy(request, state)
        case Kind.ROLLBACK:
            return plan_manual_rollback(request, state)
        case Kind.RESIZE:
            return plan_resize(request, state)
        case Kind.ENABLE:
            return plan_enable(request, state)
        case Kind.DISABLE:
            return plan_disable(request, state)
        case Kind.DESTROY:
            return plan_destroy(request, state)
        case Kind.SHRINK:
            return plan_shrink(request, state)
        case _:
            assert_never(request.kind)


def _plan_deploy(request: Request, state: ClusterState) -> Plan:
    service = request.service
    if service is None:
        raise ValueError("a deploy request carries a service")
    strategy = service.strategy
    draft = Draft(
        request, state, f"deploy {state.cluster} {service.settings.version} by {strategy}"
    )
    refused = refusal(request, state)
    if refused:
        return draft.refuse(*refused)
    if not request.force:
        moved = moved_listener(service, state)
        if moved:
            return draft.refuse(moved, Rule.LISTENER_MOVED)
        same = runs_already(service, state)
        if same and strategy is not StrategyName.DARK:
            draft.notes.append(
                f"{same} already serves version {service.settings.version} with the same settings: "
                "nothing to do (--force deploys it again)"
            )
            return draft.finish()
    if state.source is None and strategy is not StrategyName.DARK:
        first = f"first deployment of {state.cluster}: nothing serves yet"
        draft.notes.append(
            f"{first if not state.newest else f'nothing of {state.cluster} serves now'}, so "
            "traffic goes to the new group in one step, and the way back leads to nothing being "
            "served"
        )
    return STRATEGIES[strategy](draft, request, service)
