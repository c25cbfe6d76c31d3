"""What is asked of the archive, as SQL. Pure: built here, sent by `SqlStore`.

Every question costs what its page costs, however much is in the journal: each has an index that
already has the order of the page.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, func, literal, select, tuple_, union_all

from turnout.model.deployment import Status
from turnout.store.statements import EVENTS
from turnout.store.tables import (
    analyses,
    checks,
    configs,
    counters,
    deployments,
    events,
    evidence,
    holds,
    judgments,
    splits,
    steps,
)

Place = tuple[datetime, str]
"""Where a deployment stands in the list: time of request, then id."""


def deployment_body(deployment: str) -> Select[str]:
    """One deployment."""
    return select(deployments.c.body).where(deployments.c.id == deployment)


def deployment_place(deployment: str) -> Select[datetime, str]:
    """Where one deployment stands in the list."""
    return select(deployments.c.requested_at, deployments.c.id).where(
        deployments.c.id == deployment
    )


def deployment_status(deployment: str) -> Select[str]:
    """What one deployment has come to."""
    return select(deployments.c.status).where(deployments.c.id == deployment)


def deployment_page(
    *,
    cluster: str | None,
    statuses: frozenset[Status] | None,
    before: Place | None,
    limit: int,
) -> Select[str]:
    """A page of deployments, newest first. `statuses` is not empty.

    Each status gives its own newest places, already in order; the newest of those are the page. So
    nothing is sorted that is then thrown away, and bodies are read for the page only.
    """
    parts = [
        _newest(cluster=cluster, status=status, before=before, limit=limit).subquery()
        for status in sorted(statuses or (None,), key=str)
    ]
    places = union_all(*(select(part) for part in parts)).subquery()
    page = (
        select(places).order_by(places.c.requested_at.desc(), places.c.id.desc()).limit(limit)
    ).subquery()
    return (
        select(deployments.c.body)
        .join(page, deployments.c.id == page.c.id)
        .order_by(page.c.requested_at.desc(), page.c.id.desc())
    )


def _newest(
    *, cluster: str | None, status: Status | None, before: Place | None, limit: int
) -> Select[datetime, str]:
    table = deployments.c
    found = select(table.requested_at, table.id)
    if cluster is not None:
        found = found.where(table.cluster == cluster)
    if status is not None:
        found = found.where(table.status == status.value)
    if before is not None:
        time, deployment = before
        last = tuple_(literal(time, table.requested_at.type), literal(deployment, table.id.type))
        found = found.where(tuple_(table.requested_at, table.id) < last)
    return found.order_by(table.requested_at.desc(), table.id.desc()).limit(limit)


def step_bodies(deployment: str) -> Select[str]:
    """The steps of one deployment, in order."""
    return select(steps.c.body).where(steps.c.deployment == deployment).order_by(steps.c.number)


def split_bodies(deployment: str) -> Select[str]:
    """The splits that one deployment made, in order."""
    table = splits.c
    return (
        select(table.body)
        .where(table.deployment == deployment)
        .order_by(table.generation, table.cluster)
    )


def check_bodies(deployment: str) -> Select[str]:
    """The answers of checks of one deployment, in order of time."""
    table = checks.c
    return (
        select(table.body)
        .where(table.deployment == deployment)
        .order_by(table.at, table.step, table.name)
    )


def event_bodies(
    *, after: int, cluster: str | None, deployment: str | None, limit: int
) -> Select[str]:
    """Events with a greater sequence number, in order."""
    table = events.c
    found = select(table.body).where(table.sequence > after)
    if cluster is not None:
        found = found.where(table.cluster == cluster)
    if deployment is not None:
        found = found.where(table.deployment == deployment)
    return found.order_by(table.sequence).limit(limit)


def newest_event() -> Select[int]:
    """The last sequence number that was given."""
    return select(counters.c.value).where(counters.c.name == EVENTS)


def hold_reason(cluster: str) -> Select[str]:
    """Why a cluster is held; no row when it is not."""
    return select(holds.c.reason).where(holds.c.cluster == cluster)


def analysis_body(analysis: str) -> Select[str]:
    """One analysis."""
    return select(analyses.c.body).where(analyses.c.id == analysis)


def analysis_page(
    *, cluster: str, deployment: str, unfinished: bool = False, limit: int
) -> Select[str]:
    """The newest analyses, newest first; empty names = of all."""
    table = analyses.c
    found = select(table.body)
    if cluster:
        found = found.where(table.cluster == cluster)
    if deployment:
        found = found.where(table.deployment == deployment)
    if unfinished:
        found = found.where(table.ended_at.is_(None))
    return found.order_by(table.began_at.desc(), table.id.desc()).limit(limit)


def evidence_bodies(analysis: str, first: int) -> Select[bytes]:
    """The evidence of one analysis from a number on, by number."""
    table = evidence.c
    wanted = (table.analysis == analysis, table.number >= first)
    return select(table.body).where(*wanted).order_by(table.number)


def judgment_body(analysis: str) -> Select[str]:
    """A person's answer; no row when there is none."""
    return select(judgments.c.body).where(judgments.c.analysis == analysis)


def config_bodies(name: str) -> Select[str]:
    """The versions of one configuration, newest first."""
    return select(configs.c.body).where(configs.c.name == name).order_by(configs.c.version.desc())


def newest_config_bodies() -> Select[str]:
    """The newest version of each configuration, by name."""
    table = configs.c
    newest = select(table.name, func.max(table.version).label("version")).group_by(table.name)
    found = newest.subquery()
    is_newest = (table.name == found.c.name) & (table.version == found.c.version)
    return select(table.body).join(found, is_newest).order_by(table.name)


def config_names() -> Select[str]:
    """The names of all configurations."""
    return select(configs.c.name).distinct()
