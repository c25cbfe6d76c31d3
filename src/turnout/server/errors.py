"""What went wrong, out of the groups that tasks fail in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from turnout.model.errors import TurnoutError


@contextmanager
def raising_first() -> Iterator[None]:
    """Raise one `TurnoutError` instead of a group of them.

    The others would tell of the same trouble. A group with anything else in it is a bug, and stays.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        ours, others = group.split(TurnoutError)
        if ours is None or others is not None:
            raise
        raise _first(ours) from group


def _first(group: BaseExceptionGroup[TurnoutError]) -> TurnoutError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
