"""What the journal may forget. Rare, so it may read a whole table; writes only in small
portions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, delete, func, not_, select

from turnout.model.deployment import Status
from turnout.store.tables import (
    analyses,
    checks,
    deployments,
    events,
    evidence,
    judgments,
    splits,
    steps,
)

DEPLOYMENTS_AT_ONCE = 100
EVENTS_AT_ONCE = 2000
EVIDENCE_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was forgotten."""

    deployments: int = 0
    events: int = 0
    analyses: int = 0


def observe_old(
    connection: Connection,
    *,
    keep_last: int | None,
    ended_before: datetime | None = None,
) -> tuple[str, ...]:
    """Ids of the deployments that nothing asks to keep, oldest first; none when there is no
    rule."""
    if keep_last is None and ended_before is None:
        return ()
    found = connection.execute(_old(keep_last, ended_before))
    return tuple(found.scalars())


def _old(keep_last: int | None, ended_before: datetime | None) -> Select[str]:
    table = deployments.c
    newest_first = (table.requested_at.desc(), table.id.desc())
    ended = (
        select(
            table.id,
            table.requested_at,
            func.coalesce(table.ended_at, table.requested_at).label("ended_at"),
            func.row_number().over(partition_by=table.cluster, order_by=newest_first).label("age"),
        )
        .where(table.status.in_([status.value for status in Status if status.is_end]))
        .subquery()
    )
    old = select(ended.c.id).order_by(ended.c.requested_at, ended.c.id)
    if keep_last is not None:
        old = old.where(ended.c.age > keep_last)
    if ended_before is not None:
        old = old.where(ended.c.ended_at < ended_before)
    return old


def plan_batches(old: Sequence[str]) -> Iterator[Sequence[str]]:
    """Portions for one transaction each."""
    for start in range(0, len(old), DEPLOYMENTS_AT_ONCE):
        yield old[start : start + DEPLOYMENTS_AT_ONCE]


def apply_removal(connection: Connection, batch: Sequence[str]) -> int:
    """Remove these deployments and all that was written about them. Returns how many events
    went."""
    gone = connection.execute(delete(events).where(events.c.deployment.in_(batch)))
    for table in (steps, splits, checks):
        connection.execute(delete(table).where(table.c.deployment.in_(batch)))
    connection.execute(delete(deployments).where(deployments.c.id.in_(batch)))
    return gone.rowcount


def apply_event_removal(connection: Connection, before: datetime) -> int:
    """Remove a portion of the events from before this time. Returns how many; 0 = there are no
    more."""
    portion = (
        select(events.c.sequence)
        .where(events.c.at < before)
        .limit(EVENTS_AT_ONCE)
        .scalar_subquery()
    )
    gone = connection.execute(delete(events).where(events.c.sequence.in_(portion)))
    return gone.rowcount


def observe_analyses_of(connection: Connection, batch: Sequence[str]) -> tuple[str, ...]:
    """Ids of the analyses that were made on behalf of these deployments."""
    found = select(analyses.c.id).where(analyses.c.deployment.in_(batch))
    return tuple(connection.execute(found).scalars())


def observe_free_analyses(connection: Connection, ended_before: datetime) -> tuple[str, ...]:
    """Ids of the analyses that ended before this time and whose deployment, if they had one, is
    not in the journal."""
    known = select(deployments.c.id).where(deployments.c.id == analyses.c.deployment)
    found = select(analyses.c.id).where(
        analyses.c.ended_at < ended_before, not_(known.correlate(analyses).exists())
    )
    return tuple(connection.execute(found).scalars())


def apply_evidence_removal(connection: Connection, analysis: str) -> int:
    """Remove a portion of the evidence of an analysis. Returns how much; 0 = there is no more."""
    table = evidence.c
    portion = (
        select(table.number)
        .where(table.analysis == analysis)
        .limit(EVIDENCE_AT_ONCE)
        .scalar_subquery()
    )
    gone = connection.execute(
        delete(evidence).where(table.analysis == analysis, table.number.in_(portion))
    )
    return gone.rowcount


def apply_analysis_removal(connection: Connection, analysis: str) -> None:
    """Remove an analysis whose evidence is gone, and a person's answer to it."""
    connection.execute(delete(judgments).where(judgments.c.analysis == analysis))
    connection.execute(delete(analyses).where(analyses.c.id == analysis))
