"""Who served a cluster alone, and when: from the journal's splits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from turnout.model.errors import NotFound
from turnout.model.journal import SplitRecord
from turnout.model.traffic import WHOLE
from turnout.ports import Archive

DEPLOYMENTS = 100
"""How far the journal is read back."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the confirmed change that gave a group all traffic to the next change."""

    group: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Switch:
    """A change from one group to another. `began` is when the first traffic moved."""

    before: str
    after: str
    began: datetime
    ended: datetime


async def read_periods(archive: Archive, cluster: str, now: datetime) -> tuple[Period, ...]:
    """Oldest first. Raises `NotFound` when nobody ever served the cluster alone."""
    splits: list[SplitRecord] = []
    for record in await archive.list_deployments(cluster=cluster, limit=DEPLOYMENTS):
        splits += (await archive.read_steps(record.id))[1]
    periods = tuple(find_periods(splits, now))
    if not periods:
        raise NotFound(
            f"The journal does not know who served {cluster}",
            hint="turnout status shows the clusters. Or name the groups yourself.",
        )
    return periods


def find_periods(splits: Sequence[SplitRecord], now: datetime) -> Iterator[Period]:
    """Oldest first. Splits that change nothing for a group do not end its period."""
    ordered = sorted(splits, key=lambda split: split.generation)
    open_: Period | None = None
    for split in ordered:
        group = _alone(split)
        if open_ and group == open_.group:
            continue
        if open_:
            yield Period(open_.group, open_.begin, split.requested_at)
        open_ = Period(group, split.confirmed_at, now) if group else None
    if open_:
        yield open_


def find_switch(periods: Sequence[Period], after: str = "") -> Switch:
    """The last change to this group; without a name, to the one that served last. Raises
    `NotFound`.
    """
    for one, other in reversed(list(pairwise(periods))):
        if one.group != other.group and after in ("", other.group):
            return Switch(one.group, other.group, one.end, other.begin)
    raise NotFound(
        f"The journal knows of no group that served before {after or periods[-1].group}",
        hint="Name both: --control GROUP --experiment GROUP.",
    )


def _alone(split: SplitRecord) -> str:
    return next((group for group, share in split.shares.items() if share == WHOLE), "")
