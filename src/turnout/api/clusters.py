"""Putting together what is to be shown of a cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from turnout.api.backend import Backend, Traffic
from turnout.api.views import ClusterView
from turnout.model.deployment import Kind, Request, Status
from turnout.model.errors import AdapterError, NotFound
from turnout.model.journal import DeploymentRecord
from turnout.model.traffic import Listener
from turnout.model.words import nearest

_MOST = 1000
_NAMED = 10
"""How many names are worth reading."""

_OPEN = frozenset(status for status in Status if not status.is_end)
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - read, not bound


async def observe_all(backend: Backend) -> tuple[ClusterView, ...]:
    """Every cluster that has a server group, or a deployment that has not ended."""
    running = defaultdict(list)
    for record in await backend.archive.list_deployments(statuses=_OPEN, limit=_MOST):
        running[record.request.cluster].append(record)
    names = {*await backend.inventory.observe_clusters(), *running}
    traffic = await _traffic(backend)
    return tuple([await _view(backend, name, running[name], traffic) for name in sorted(names)])


async def observe_one(backend: Backend, cluster: str) -> ClusterView:
    """One cluster. Raises `NotFound` when nothing of it exists."""
    records = await backend.archive.list_deployments(cluster=cluster, statuses=_OPEN, limit=_MOST)
    view = await _view(backend, cluster, records, await _traffic(backend))
    if not (view.state.groups or view.state.listener or records):
        known = await backend.inventory.observe_clusters()
        raise _no_cluster(cluster, known)
    return view


async def require_cluster(backend: Backend, cluster: str) -> None:
    """Raises `NotFound` when nothing of the cluster exists. Quick when something does."""
    if cluster not in await backend.inventory.observe_clusters():
        await observe_one(backend, cluster)


async def require_names(backend: Backend, request: Request) -> None:
    """Raises `NotFound` for an operation on a cluster or a server group that does not exist.

    A server group may still come to be while others wait for their turn: the planner will know.
    """
    await require_cluster(backend, request.cluster)
    if not request.group:
        return
    ahead = await backend.archive.list_deployments(
        cluster=request.cluster, statuses=_OPEN, limit=_MOST
    )
    if any(r.request.kind is Kind.DEPLOY and r.plan is None for r in ahead):
        return
    coming = {r.plan.new_group for r in ahead if r.plan}
    state = await backend.observe(request.cluster)
    if request.group not in coming and state.group(request.group) is None:
        raise no_group(request.cluster, request.group, [g.name for g in state.groups])


def no_group(cluster: str, group: str, known: Sequence[str]) -> NotFound:
    """For whoever names a server group that the cluster does not have."""
    return NotFound(f"{cluster} has no server group {group!r}", hint=_hint("It has", group, known))


def _no_cluster(cluster: str, known: Sequence[str]) -> NotFound:
    return NotFound(f"There is no cluster {cluster!r}", hint=_hint("There are", cluster, known))


def _hint(there: str, name: str, known: Collection[str]) -> str:
    if not known:
        return "There is none yet."
    near = nearest(name, known)
    meant = f"Did you mean {near!r}? " if near else ""
    return f"{meant}{there}: {', '.join(list(known)[:_NAMED])}."


async def _view(
    backend: Backend, cluster: str, records: Sequence[DeploymentRecord], traffic: Traffic
) -> ClusterView:
    state = await backend.observe(cluster)
    oldest_first = sorted(records, key=lambda r: (r.request.requested_at, r.id))
    running = [r for r in oldest_first if r.status is not Status.QUEUED]
    return ClusterView(
        state=state,
        traffic=dict(traffic.get(cluster, {})),
        running=running[0] if running else None,
        waiting=tuple(r for r in oldest_first if r.status is Status.QUEUED),
        address=format_address(state.listener) if state.listener else None,
    )


async def _traffic(backend: Backend) -> Traffic:
    try:
        return await backend.observe_traffic()
    except AdapterError:  # figures are extra: without them the rest is still true
        return {}


def format_address(listener: Listener) -> str:
    """Where users on this machine come in."""
    host = "127.0.0.1" if listener.host in _EVERYWHERE else listener.host
    return f"http://[{host}]:{listener.port}" if ":" in host else f"http://{host}:{listener.port}"
