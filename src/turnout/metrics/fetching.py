"""Many metrics side by side: one that is slow or fails holds up none of the others.

How many requests are under way at once is limited by each account (`at_once`), so a store that is
slow uses up its own places only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import AdapterError, Temporary
from turnout.model.samples import Series
from turnout.model.units import format_duration
from turnout.ports import MetricSource

DEADLINE = timedelta(minutes=1)
"""For one metric, waiting for its turn included."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One metric of one side."""

    query: Query
    scope: CanaryScope
    templates: Mapping[str, str] = field(default_factory=dict)


async def fetch_all(
    source: MetricSource, wishes: Sequence[Wish], deadline: timedelta = DEADLINE
) -> tuple[tuple[Series, ...] | AdapterError, ...]:
    """For each wish its series or its own error, in the order of the wishes; at the latest when
    the deadline has passed."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_fetch(source, wish, deadline)) for wish in wishes]
    return tuple(task.result() for task in tasks)


async def _fetch(
    source: MetricSource, wish: Wish, deadline: timedelta
) -> tuple[Series, ...] | AdapterError:
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await source.fetch(wish.query, wish.scope, wish.templates)
    except TimeoutError:
        return Temporary(
            f"No figures from {wish.query.type} within {format_duration(deadline)}",
            hint="The store is slow, or is asked for more than its at_once allows.",
        )
    except AdapterError as error:
        return error
