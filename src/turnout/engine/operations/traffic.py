"""Operations on listeners and splits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from turnout.engine.operations.endpoints import endpoints_of
from turnout.model.journal import SplitRecord
from turnout.model.plan import DrainGroup, OpenListener, ReplaceSplit, StepAnswer
from turnout.model.servers import ServerGroup
from turnout.model.traffic import DrainReport
from turnout.ports import Clock, Drainer, Journal, ListenerState, Provider, Router


class TrafficOperations:
    """Opens and closes listeners, replaces splits with proof, lets requests finish."""

    def __init__(
        self, provider: Provider, router: Router, drainer: Drainer, journal: Journal, clock: Clock
    ) -> None:
        self._provider, self._router, self._drainer = provider, router, drainer
        self._journal, self._clock = journal, clock

    async def open_listener(self, operation: OpenListener, cluster: str) -> StepAnswer:
        """The router listens as asked afterwards, and knows all endpoints; the split stays."""
        listener = operation.listener
        await self._router.apply_listener(cluster, listener)
        groups = (await self._provider.observe_groups(cluster)).groups
        await self._router.apply_endpoints(cluster, endpoints_of(groups))
        return StepAnswer(ok=True, sentence=f"listening on {listener.host}:{listener.port}")

    async def close_listener(self, cluster: str) -> StepAnswer:
        """The router does not listen for the cluster afterwards."""
        await self._router.apply_listener(cluster, None)
        return StepAnswer(ok=True, sentence="not listening any more")

    async def replace_split(
        self, operation: ReplaceSplit, cluster: str, deployment: str, step: str
    ) -> StepAnswer:
        """The split is in force and proven to be, or nothing was changed and the answer says why.

        Raises `Temporary` when the proof is missing; repeating recognises its own change.
        """
        groups = {g.name: g for g in (await self._provider.observe_groups(cluster)).groups}
        changed_by = f"{deployment}:{step}"
        state = await self._router.observe_listener(cluster)
        if state is None and not operation.shares:
            return StepAnswer(ok=True, sentence="nothing is listened to, so nothing is served")
        ours = state is not None and state.split.changed_by == changed_by
        if not ours:
            missing = _missing(operation, groups)
            if missing:
                return StepAnswer(ok=False, sentence=f"traffic was not shifted: {missing}")
            await self._router.apply_endpoints(cluster, endpoints_of(groups.values()))
        return await self._write(operation, cluster, deployment, changed_by)

    async def _write(
        self, operation: ReplaceSplit, cluster: str, deployment: str, changed_by: str
    ) -> StepAnswer:
        state = await self._router.observe_listener(cluster)
        split = await self._router.apply_split(
            cluster, operation.shares, _replaced(operation, state), changed_by
        )
        proof = await self._router.confirm_split(cluster, split.generation)
        await self._journal.record_split(
            SplitRecord(
                cluster=cluster,
                generation=split.generation,
                shares=split.shares,
                deployment=deployment,
                requested_at=proof.requested_at,
                confirmed_at=proof.confirmed_at,
            )
        )
        took = (proof.confirmed_at - proof.requested_at) / timedelta(milliseconds=1)
        return StepAnswer(
            ok=True,
            sentence=f"generation {split.generation} confirmed in {took:.1f} ms",
            figures={"confirmed_ms": round(took, 3), "generation": split.generation},
            split=split,
            at=proof.confirmed_at,
        )

    async def drain(
        self, operation: DrainGroup, cluster: str, report: Callable[[str], None]
    ) -> StepAnswer:
        """The group's requests are done, or its time is up. Never not ok."""
        state: ListenerState | None = await self._router.observe_listener(cluster)
        if state is None or state.split.share(operation.group):
            return StepAnswer(ok=True, sentence=f"{operation.group} has traffic: nothing to drain")
        report(f"requests in flight on {operation.group}")
        left = await self._drainer.await_drained(cluster, operation.group, None, operation.timeout)
        closed = left.connections_closed
        return StepAnswer(
            ok=True,
            sentence=_describe_drain(left),
            figures={"requests_left": left.requests_left, "connections_closed": closed},
        )


def _replaced(operation: ReplaceSplit, state: ListenerState | None) -> int | None:
    """The generation to replace. A plan made while nothing was listened to knows of no split, but
    the router counts on from when it last listened: an empty split is then what was expected.
    """
    if operation.replaces == 0 and state is not None and not state.split.shares:
        return state.split.generation
    return operation.replaces


def _describe_drain(left: DrainReport) -> str:
    requests, closed = left.requests_left, left.connections_closed
    told = f"{_count(requests, 'request')} still running" if requests else "all requests are done"
    return told + (f", {_count(closed, 'long-lived connection')} closed" if closed else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _missing(operation: ReplaceSplit, groups: dict[str, ServerGroup]) -> str:
    """Which group cannot take its share; empty when all can, or what serves now is worse."""
    healthy = {name: group.healthy for name, group in groups.items()}
    short = [
        f"{name} has {_count(healthy.get(name, 0), 'healthy instance')} and needs {count}"
        for name, count in operation.ready.items()
        if healthy.get(name, 0) < count
    ]
    if operation.unless_dead and not healthy.get(operation.unless_dead):
        return ""
    return "; ".join(short)
