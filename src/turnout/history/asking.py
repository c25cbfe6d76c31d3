"""A scope of canary analysis as a question to a history: which group, which steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from turnout.history.grid import Grid
from turnout.history.history import History
from turnout.history.pages import Sample
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Problem, Temporary
from turnout.model.names import parse_group

_MOST_STEPS = 1_000_000


def group_of(scope: CanaryScope) -> str:
    """The server group that is asked for. Raises `InvalidDocument`."""
    if not scope.scope:
        raise invalid("names no server group: write shop-v012", "scope")
    cluster, _ = parse_group(scope.scope)
    if scope.location and scope.location != cluster:
        raise invalid(f"{scope.scope} is no server group of {scope.location}", "location")
    return scope.scope


def grid_of(scope: CanaryScope) -> Grid:
    """The steps that are asked for. Raises `InvalidDocument`."""
    if scope.step <= 0:
        raise invalid("must be a whole number of seconds above 0", "step")
    grid = Grid.over(scope.start, scope.end, timedelta(seconds=scope.step))
    if grid.count > _MOST_STEPS:
        raise invalid(f"makes {grid.count} steps; {_MOST_STEPS} are the most", "step")
    return grid


async def read_scope(history: History, scope: CanaryScope, into: Callable[[Sample], None]) -> bool:
    """Give all samples of the scope to `into`. Whether there were any. Raises `Temporary`."""
    is_known = False

    def take(sample: Sample) -> None:
        nonlocal is_known
        is_known = True
        into(sample)

    try:
        await history.read(group_of(scope), scope.start, scope.end, take)
    except OSError as error:
        raise Temporary(f"the kept figures of {scope.scope} cannot be read: {error}") from error
    return is_known


def invalid(message: str, path: str) -> InvalidDocument:
    """One mistake in a query or in its scope."""
    return InvalidDocument(f"{path}: {message}", (Problem(message, path),))
