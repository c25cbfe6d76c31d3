"""Times of the wall clock, placed on a clock that never jumps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

JUMP = 0.25
"""Seconds; when the clocks drift apart by more between two looks, the wall clock has been set."""


@dataclass(slots=True)
class _Stretch:
    """A time in which nobody set the wall clock: `wall - offset` is the steady time."""

    begins: float
    ends: float
    offset: float


class Timeline:
    """Remembers when the wall clock was set, so that times noted before can still be found.

    Steady times are seconds since some fixed moment.
    """

    def __init__(self) -> None:
        self._stretches: list[_Stretch] = []

    def look(self, wall: datetime, steady: float) -> None:
        """Both clocks, read at the same moment. Look often: between two looks nothing is known."""
        offset = wall.timestamp() - steady
        last = self._stretches[-1] if self._stretches else None
        if last is None:
            self._stretches.append(_Stretch(steady, steady, offset))
        elif abs(offset - last.offset) > JUMP:
            self._stretches.append(_Stretch(last.ends, steady, offset))
        else:
            last.ends, last.offset = steady, offset  # follows a clock that is only being slewed

    def place(self, wall: datetime) -> float:
        """The steady time of a wall time; of several, the last that is not in the future.

        A time that the wall clock never showed while somebody looked counts from the last look,
        or from the first when only that puts it into the past. Raises `LookupError` before the
        first look.
        """
        if not self._stretches:
            raise LookupError("nobody has looked at the clocks yet")
        time = wall.timestamp()
        for stretch in reversed(self._stretches):
            if stretch.begins <= time - stretch.offset <= stretch.ends + JUMP:
                return time - stretch.offset
        first, last = self._stretches[0], self._stretches[-1]
        is_past = time - last.offset <= last.ends or time - first.offset > first.begins
        return time - (last if is_past else first).offset

    def forget_before(self, steady: float) -> None:
        """Times before this one will not be asked for."""
        while len(self._stretches) > 1 and self._stretches[0].ends < steady:
            del self._stretches[0]
