"""What a steady load saw of a change of traffic: when the old version was last asked, and the new
one first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from turnout.testing.load import Report

RATE = 500.0
"""Requests a second: a change is seen to 2 ms."""


class Witnesses:
    """All requests of a load by the moment when they were sent, in seconds since 1970."""

    def __init__(self, report: Report) -> None:
        columns = report.columns
        self._texts = columns.versions.texts
        sent = [due + wait for due, wait in zip(columns.due, columns.wait, strict=True)]
        order = sorted(range(len(sent)), key=sent.__getitem__)
        self._sent = [sent[index] for index in order]
        self._versions = [columns.version[index] for index in order]

    def last(self, version: str, since: float, until: float) -> float:
        """When the last request between these times that this version answered was sent; `since`
        when there was none.
        """
        return max(self._sent_to(version, since, until), default=since)

    def first(self, version: str, since: float, until: float) -> float:
        """When the first of them was sent; `until` when there was none."""
        return min(self._sent_to(version, since, until), default=until)

    def _sent_to(self, version: str, since: float, until: float) -> list[float]:
        low, high = bisect_left(self._sent, since), bisect_right(self._sent, until)
        return [
            self._sent[index]
            for index in range(low, high)
            if self._texts[self._versions[index]] == version
        ]
