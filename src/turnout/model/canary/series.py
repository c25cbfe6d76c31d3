"""Samples: the series of one side, and the two sides of one comparison."""

from __future__ import annotations

from pydantic import JsonValue

from turnout.model.canary.document import Document


class MetricSet(Document):
    """One series of numbers for one group, one metric and one combination of tags.

    A sample that is missing is not a number.
    """

    name: str = ""
    tags: dict[str, str] = {}
    start_time_millis: int = 0
    start_time_iso: str | None = None
    end_time_millis: int = 0
    end_time_iso: str | None = None
    step_millis: int = 0
    values: tuple[float, ...] = ()
    attributes: dict[str, JsonValue] = {}

    @property
    def expected_points(self) -> int:
        """How many samples its time has room for; 0 without a step."""
        if self.step_millis == 0:
            return 0
        return (self.end_time_millis - self.start_time_millis) // self.step_millis

    @property
    def key(self) -> str:
        """Name and tags as text, the tags by name. Raises `ValueError` without a name."""
        if not self.name:
            raise ValueError("A metric set needs a name")
        tags = ", ".join(f"{tag}:{value}" for tag, value in sorted(self.tags.items()))
        return f"{self.name} -> {{{tags}}}"


class PairValues(Document):
    """The samples of both sides."""

    control: tuple[float, ...]
    experiment: tuple[float, ...]


class SeriesTime(Document):
    """When a series begins, and how far its samples are apart."""

    start_time_iso: str | None = None
    start_time_millis: int = 0
    step_millis: int = 0


class PairScopes(Document):
    """The times of both sides."""

    control: SeriesTime | None = None
    experiment: SeriesTime | None = None


class MetricSetPair(Document):
    """Both sides of the same metric and tags: what a judge compares."""

    name: str
    id: str = ""
    tags: dict[str, str] = {}
    values: PairValues
    scopes: PairScopes | None = None
    attributes: dict[str, dict[str, JsonValue]] = {}
