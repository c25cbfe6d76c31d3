"""What a deployment must not do, asked before it starts."""

from __future__ import annotations

from turnout.model.deployment import ClusterState, Request, Service
from turnout.model.errors import Rule


def refusal(request: Request, state: ClusterState) -> tuple[str, Rule] | None:
    """Why this deployment must not start, and the rule's name; None when it may. `force` overrides
    all but a stale plan.
    """
    if request.force:
        return None
    if state.held:
        return (
            f"{state.cluster} is held: {state.held}. "
            f"Release it with: turnout release {state.cluster} (--force overrides)",
            Rule.HELD,
        )
    return frozen(request, state)


def frozen(request: Request, state: ClusterState) -> tuple[str, Rule] | None:
    """Why no new version may get traffic now; None when it may."""
    if request.force or not state.frozen:
        return None
    return (
        f"{state.cluster} is frozen: {state.frozen}. Wait until that is over "
        "(--force overrides; a rollback is never frozen)",
        Rule.FROZEN,
    )


def moved_listener(service: Service, state: ClusterState) -> str:
    """Why the listener cannot change as the service asks; empty when it can."""
    now, then = state.listener, service.listener
    if now is None or not state.split.shares or (now.host, now.port) == (then.host, then.port):
        return ""
    return (
        f"{state.cluster} serves on {now.host}:{now.port}; moving it to {then.host}:{then.port} "
        "would cut off its users. Deploy under another name beside it (--force moves it)"
    )


def runs_already(service: Service, state: ClusterState) -> str:
    """The group that already serves exactly this, alone and healthy; empty when there is none."""
    source = state.source
    if (
        source is None
        or state.split.share(source.name) != 1000
        or state.listener != service.listener
    ):
        return ""
    wanted = service.options.instances
    same_size = wanted in ("source", source.desired)
    healthy = source.healthy == source.desired
    return source.name if same_size and healthy and source.settings == service.settings else ""
