"""What a load found: every request with its outcome, and the figures drawn from them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from turnout.testing.load.record import Columns, Row, load_columns

PERCENTS = (50.0, 90.0, 99.0, 99.9)
EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and what became of it. `status` 0: no answer, and `error` says why."""

    due: datetime
    """When it should have been sent; the latency counts from here."""
    sent: datetime
    """When it was written to a connection (when it ended, if it never was)."""
    latency: timedelta
    status: int
    version: str
    """From the header `x-version`; empty when the answer had none."""
    error: str
    is_repeated: bool
    """Sent a second time because the first connection was closed before any byte of an answer."""

    @property
    def ended(self) -> datetime:
        """When the answer was complete, or was given up."""
        return self.due + self.latency

    @property
    def is_failed(self) -> bool:
        """No answer, or a status of 500 and above."""
        return is_failure(self.status)

    def __str__(self) -> str:
        what = f"{self.status} {self.error}".strip() if self.status else self.error
        version = f" from version {self.version}" if self.version else ""
        return f"{self.due:%H:%M:%S.%f} after {self.latency.total_seconds():.3f} s{version}: {what}"


@dataclass(frozen=True, slots=True)
class Version:
    """What one version answered. `first` and `last` are when its requests were sent."""

    requests: int
    failed: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """What cannot be seen from the single requests."""

    started: int = 0
    """Requests that were due; all of them are recorded once the load has stopped."""
    reconnects: int = 0
    """Requests repeated on a new connection (see `Answer.is_repeated`)."""
    idle_closed: int = 0
    """Connections that the service closed between two requests, noticed before the next one."""
    connections: int = 0
    """Connections opened."""
    lag: float = 0.0
    """Seconds: how late the load itself was at its worst in attending to a request that was due."""


@dataclass(frozen=True, slots=True)
class Report:
    """A snapshot of a load; does not change any more."""

    columns: Columns
    counts: Counts = field(default_factory=Counts)

    def __iter__(self) -> Iterator[Answer]:
        return map(_answer, self.columns)

    @property
    def requests(self) -> int:
        """How many requests have ended, one way or the other."""
        return len(self.columns)

    @property
    def unaccounted(self) -> int:
        """How many requests have begun and not ended: 0 after a stop."""
        return self.counts.started - self.requests

    @property
    def reconnects(self) -> int:
        """How many requests had to be repeated on a new connection."""
        return self.counts.reconnects

    @property
    def failed(self) -> int:
        """How many requests failed: no answer, or a status of 500 and above."""
        return sum(map(is_failure, self.columns.status))

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers had which status; 0 stands for no answer."""
        return dict(sorted(Counter(self.columns.status).items()))

    @property
    def errors(self) -> dict[str, int]:
        """How often which error came, the most frequent first."""
        texts = self.columns.errors.texts
        counted = Counter(self.columns.error).most_common()
        return {texts[number]: count for number, count in counted if texts[number]}

    @property
    def versions(self) -> dict[str, Version]:
        """What each version answered, in the order of their first answers."""
        texts, found = self.columns.versions.texts, {}
        for number in sorted(set(self.columns.version)):
            if texts[number]:
                found[texts[number]] = self._version(number)
        return dict(sorted(found.items(), key=lambda item: item[1].first))

    def failures(self, limit: int = EXAMPLES) -> tuple[Answer, ...]:
        """The first requests that failed, in the order in which they ended."""
        indices = (i for i, status in enumerate(self.columns.status) if is_failure(status))
        return tuple(
            _answer(self.columns.row(i)) for i, _ in zip(indices, range(limit), strict=False)
        )

    def first_of(self, version: str) -> Answer | None:
        """The first sent request that this version answered."""
        return self._extreme(version, min)

    def last_of(self, version: str) -> Answer | None:
        """The last sent request that this version answered."""
        return self._extreme(version, max)

    def between(self, since: datetime, until: datetime) -> Report:
        """The requests sent in this time, `until` left out; other counts are of the whole load."""
        low, high = since.timestamp(), until.timestamp()
        kept = self._select(lambda row: low <= row.due + row.wait < high)
        return replace(kept, counts=replace(self.counts, started=kept.requests))

    def latency_ms(self, percent: float, *, version: str | None = None) -> float:
        """The latency that so many per cent of the answers do not exceed; NaN without answers.

        Counted from when a request was due. Requests without an answer are left out: see `failed`.
        """
        return percentile(self._latencies(version), percent)

    @property
    def lag_ms(self) -> float:
        """How late the load itself was at its worst. Latencies hold it, so look at it first."""
        return self.counts.lag * 1000

    @property
    def seconds(self) -> float:
        """From the first request to the last end."""
        ends = (
            due + latency
            for due, latency in zip(self.columns.due, self.columns.latency, strict=True)
        )
        return max(ends, default=0.0) - min(self.columns.due, default=0.0)

    def summary(self) -> dict[str, Any]:
        """The figures, as JSON can hold them. Latencies in milliseconds, times in ISO 8601."""
        latencies = self._latencies(None)
        seconds = self.seconds
        return {
            "requests": self.requests,
            "failed": self.failed,
            "unaccounted": self.unaccounted,
            "reconnects": self.counts.reconnects,
            "idle_closed": self.counts.idle_closed,
            "connections": self.counts.connections,
            "seconds": round(seconds, 3),
            "requests_per_second": round(self.requests / seconds, 1) if seconds else 0.0,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "versions": {name: _version_summary(v) for name, v in self.versions.items()},
            "latency_ms": {
                **{
                    f"p{percent:g}": _rounded(percentile(latencies, percent))
                    for percent in PERCENTS
                },
                "max": _rounded(percentile(latencies, 100)),
            },
            "lag_ms": round(self.lag_ms, 3),
            "errors": self.errors,
            "failures": [str(answer) for answer in self.failures()],
        }

    def write(self, path: Path, *, with_answers: bool = False) -> None:
        """Write the summary as JSON; `with_answers`, so that `read_report` gets it all back."""
        document: dict[str, Any] = {"summary": self.summary()}
        if with_answers:
            document["answers"] = self.columns.dump()
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        return "\n".join(_lines(self.summary()))

    def _version(self, number: int) -> Version:
        columns = self.columns
        indices = [i for i, found in enumerate(columns.version) if found == number]
        sent = [columns.due[i] + columns.wait[i] for i in indices]
        failed = sum(is_failure(columns.status[i]) for i in indices)
        return Version(len(indices), failed, _time(min(sent)), _time(max(sent)))

    def _extreme(self, version: str, choose: Callable[..., int]) -> Answer | None:
        columns = self.columns
        if version not in columns.versions.texts:
            return None
        number = columns.versions.texts.index(version)
        indices = [i for i, found in enumerate(columns.version) if found == number]
        if not indices:
            return None
        return _answer(columns.row(choose(indices, key=lambda i: columns.due[i] + columns.wait[i])))

    def _select(self, keeps: Callable[[Row], bool]) -> Report:
        columns = Columns()
        for row in self.columns:
            if keeps(row):
                columns.append(row)
        return replace(self, columns=columns)

    def _latencies(self, version: str | None) -> list[float]:
        columns = self.columns
        if version is None:
            pairs = zip(columns.latency, columns.status, strict=True)
            return sorted(latency * 1000 for latency, status in pairs if status)
        return sorted(
            row.latency * 1000 for row in columns if row.status and row.version == version
        )


def read_report(path: Path) -> Report:
    """Read what `Report.write` wrote with its answers. Raises `ValueError` without them."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if "answers" not in document:
        raise ValueError(f"{path} has no single answers, only their summary")
    summary = document["summary"]
    columns = load_columns(document["answers"])
    counts = Counts(
        started=summary["requests"] + summary["unaccounted"],
        reconnects=summary["reconnects"],
        idle_closed=summary["idle_closed"],
        connections=summary["connections"],
        lag=summary["lag_ms"] / 1000,
    )
    return Report(columns, counts)


def merge(*reports: Report) -> Report:
    """Several loads as one."""
    columns = Columns()
    for row in sorted((row for report in reports for row in report.columns), key=_end):
        columns.append(row)
    counts = [report.counts for report in reports]
    total = Counts(
        started=sum(count.started for count in counts),
        reconnects=sum(count.reconnects for count in counts),
        idle_closed=sum(count.idle_closed for count in counts),
        connections=sum(count.connections for count in counts),
        lag=max((count.lag for count in counts), default=0.0),
    )
    return Report(columns, total)


def is_failure(status: int) -> bool:
    """No answer, or a status of 500 and above."""
    return status == 0 or status >= 500


def percentile(ordered: list[float], percent: float) -> float:
    """The value of the nearest rank in an ordered list; NaN when it is empty."""
    if not ordered:
        return math.nan
    rank = math.ceil(len(ordered) * percent / 100)
    return ordered[min(max(rank, 1), len(ordered)) - 1]


def _end(row: Row) -> float:
    return row.due + row.latency


def _answer(row: Row) -> Answer:
    return Answer(
        _time(row.due),
        _time(row.due + row.wait),
        timedelta(seconds=row.latency),
        row.status,
        row.version,
        row.error,
        row.is_repeated,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)


def _version_summary(version: Version) -> dict[str, Any]:
    return {
        "requests": version.requests,
        "failed": version.failed,
        "first": version.first.isoformat(),
        "last": version.last.isoformat(),
    }


def _lines(summary: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{summary['requests']} requests in {summary['seconds']:.1f} s"
        f" ({summary['requests_per_second']:.0f}/s), {summary['failed']} failed,"
        f" {summary['reconnects']} repeated, {summary['unaccounted']} unaccounted"
    )
    for name, version in summary["versions"].items():
        yield f"  version {name}: {version['requests']} requests, {version['failed']} failed"
    latencies = ", ".join(f"{name} {value}" for name, value in summary["latency_ms"].items())
    yield f"  latency in ms: {latencies}; own lag at most {summary['lag_ms']}"
    for failure in summary["failures"][:5]:
        yield f"  {failure}"
