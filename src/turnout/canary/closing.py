"""Which steps of a window are closed: complete in both arms, or not waited for any longer."""

from __future__ import annotations

import asyncio
import math

from turnout.canary.evidence import Columns, Slice, count_closed, fill_gap, find_gaps
from turnout.canary.fetching import Arm, Fetcher, Found, Window
from turnout.canary.subjects import Subject
from turnout.model.analysis import Analysis
from turnout.model.canary.options import Kind
from turnout.model.canary.queries import RouterQuery

_ADDED_UP = (Kind.COUNT, Kind.PROPORTION, Kind.LATENCY)


def arms_of(analysis: Analysis) -> tuple[Arm, Arm]:
    """The canary's side, and the baseline's."""
    return (
        Arm(analysis.experiment, analysis.cluster),
        Arm(analysis.control, analysis.cluster, analysis.control_offset),
    )


async def fetch_both(
    fetcher: Fetcher, subject: Subject, arms: tuple[Arm, Arm], window: Window
) -> tuple[Found, Found]:
    """The figures of both arms. What the router counted while nobody looked is known as a total: it
    is told in the last step of that time, the others had nothing.
    """
    canary, baseline = await asyncio.gather(*(fetcher.fetch(subject, a, window) for a in arms))
    if not isinstance(subject.query, RouterQuery) or subject.kind not in _ADDED_UP:
        return canary, baseline
    for first, last in find_gaps(canary.get((), ()), baseline.get((), ())):
        whole = Window(
            window.start + (window.first + first) * window.step, (last - first) * window.step, 0, 1
        )
        totals = await asyncio.gather(*(fetcher.fetch(subject, a, whole) for a in arms))
        both = [found.get((), ()) for found in totals]
        if all(columns and not any(math.isnan(c[0]) for c in columns) for columns in both):
            canary = {(): fill_gap(canary[()], both[0], first, last)}
            baseline = {(): fill_gap(baseline[()], both[1], first, last)}
    return canary, baseline


def close_steps(
    subject: Subject,
    window: Window,
    canary: Found,
    baseline: Found,
    *,
    overdue: int,
    late: int | None = None,
) -> list[Slice]:
    """The first steps of a window that are complete, or not waited for, as slices, equally many of
    each series. The `overdue` first ones are not waited for when there are later ones, the `late`
    first ones in no case (None: as many as are overdue).
    """
    count = window.last - window.first
    width = max((len(columns) for columns in (*canary.values(), *baseline.values())), default=1)
    missing = ((math.nan,) * count,) * width
    series = sorted(canary.keys() | baseline.keys()) or [()]
    arms = [(canary.get(tags, missing), baseline.get(tags, missing)) for tags in series]
    closed = count_closed(
        [column for both in arms for columns in both for column in _told(subject, columns)],
        overdue=overdue,
        late=overdue if late is None else late,
        in_order=subject.is_own,
    )
    if not closed:
        return []
    return [
        Slice(
            metric=subject.name,
            tags=dict(tags),
            first=window.first,
            canary=tuple(column[:closed] for column in ours),
            baseline=tuple(column[:closed] for column in theirs),
        )
        for tags, (ours, theirs) in zip(series, arms, strict=True)
    ]


def _told(subject: Subject, columns: Columns) -> Columns:
    """Without the time that stands for an exposure: it is there whatever the source says."""
    return columns[:1] if subject.kind is Kind.COUNT and subject.exposure is None else columns
