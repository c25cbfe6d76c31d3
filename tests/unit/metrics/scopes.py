"""Scopes for tests: one hour of a server group, minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from turnout.model.canary.request import CanaryScope

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START_MS = 1_772_366_400_000


def scope(
    group: str | None = "shop-v002",
    location: str | None = "eu-west-1",
    /,
    *,
    start: datetime = START,
    minutes: float = 60,
    step: int = 60,
    **extended: str,
) -> CanaryScope:
    return CanaryScope(
        scope=group,
        location=location,
        start=start,
        end=start + timedelta(minutes=minutes),
        step=step,
        extended_scope_params=extended,
    )
