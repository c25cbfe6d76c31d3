"""Three kinds of instances side by side, while a canary is compared with its baseline. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from turnout.api.views import ClusterView, DeploymentView
from turnout.model.journal import StepState
from turnout.model.plan import Analyse
from turnout.model.servers import Role, ServerGroup
from turnout.model.traffic import GroupTraffic


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three. Requests are those since the picture began."""

    name: str
    version: str
    instances: int
    """Healthy ones."""
    share: int
    """In per mille of the users' requests."""
    requests: int
    failed: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Production, baseline and canary, and what the judge says meanwhile."""

    kinds: tuple[Kind, ...]
    judge: str


def judge_of(view: DeploymentView) -> str | None:
    """What the judge says now; None when nothing is compared."""
    steps = view.record.plan.steps if view.record.plan else ()
    compared = {step.id for step in steps if isinstance(step.operation, Analyse)}
    for step in reversed(view.steps):
        if step.step in compared and step.state is StepState.RUNNING and not step.way_back:
            return step.waiting_for
    return None


def build_picture(
    now: ClusterView,
    begun: Mapping[str, GroupTraffic],
    judge: str,
    version_of: Callable[[str], str],
) -> Picture:
    """The kinds that have users, production first; `begun` is what was counted before."""
    groups = [g for g in now.state.groups if now.state.split.share(g.name)]

    def kind(group: ServerGroup) -> Kind:
        counted = now.traffic.get(group.name, GroupTraffic())
        before = begun.get(group.name, GroupTraffic())
        return Kind(
            name=str(group.role),
            version=version_of(group.name),
            instances=group.healthy,
            share=now.state.split.share(group.name),
            requests=max(counted.requests - before.requests, 0),
            failed=max(counted.failed - before.failed, 0),
        )

    order = list(Role)
    return Picture(tuple(map(kind, sorted(groups, key=lambda g: order.index(g.role)))), judge)
