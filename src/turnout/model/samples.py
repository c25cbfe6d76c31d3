"""Figures over time, as every source of metrics gives them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field

from turnout.model.value import Value


class Series(Value):
    """Samples on a grid: `values[i]` belongs to [start + i*step, start + (i+1)*step).

    NaN = missing; a sample that is missing is never 0. In JSON, NaN and infinities are the texts
    "NaN", "Infinity" and "-Infinity", in and out.
    """

    tags: dict[str, str] = {}
    start: AwareDatetime
    step: Annotated[timedelta, Field(gt=timedelta(0))]
    values: tuple[float, ...]

    @property
    def end(self) -> datetime:
        """The moment at which the last step ends."""
        return self.start + self.step * len(self.values)
