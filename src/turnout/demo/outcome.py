"""What the show came to: a row per version, one verdict, and whether all was as promised. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from turnout.api.views import ClusterView, DeploymentView
from turnout.demo.acts import Act
from turnout.demo.telling import format_seconds, is_way_back
from turnout.model.deployment import Status
from turnout.model.journal import DeploymentRecord
from turnout.model.traffic import WHOLE
from turnout.testing.load import Report


@dataclass(frozen=True, slots=True)
class Harm:
    """What it cost to find out that a version is bad."""

    users: int
    """Requests of all users, to whichever version, while this one had traffic."""
    found_after: timedelta
    """From its first traffic, confirmed, until the trouble was noticed."""
    why: str
    """The sentence that decided."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one version. Requests are those that the load itself has counted."""

    act: Act
    status: Status
    share: int
    is_there: bool
    """Whether its server group still exists."""
    requests: int
    failed: int
    served_for: timedelta
    """From the first to the last request that it answered."""
    switches: tuple[timedelta, ...]
    """For every change of traffic towards it: from asking the router until confirmed in force."""
    back: timedelta | None
    """From noticing trouble until the way back was confirmed in force."""
    harm: Harm | None = None
    """Of a version that was taken back."""


@dataclass(frozen=True, slots=True)
class Result:
    """The whole show."""

    outcomes: tuple[Outcome, ...]
    requests: int
    lost: int
    """Requests that failed and were not answered by the version that is meant to fail."""
    unaccounted: int
    complaints: tuple[str, ...] = ()
    """What else was not as it should be."""


def build_result(
    played: Sequence[tuple[Act, DeploymentView]], cluster: ClusterView, report: Report
) -> Result:
    """Bring together what Turnout says it did and what the load says users got."""
    outcomes = tuple(_outcome(act, view, cluster, report) for act, view in played)
    meant = sum(outcome.failed for outcome in outcomes if outcome.act.fails)
    return Result(outcomes, report.requests, report.failed - meant, report.unaccounted)


def _outcome(act: Act, view: DeploymentView, cluster: ClusterView, report: Report) -> Outcome:
    record = view.record
    group = record.plan.new_group if record.plan else ""
    counted = report.versions.get(act.version)
    back = None
    if record.detected_at and record.returned_at:
        back = record.returned_at - record.detected_at
    return Outcome(
        act=act,
        status=record.status,
        share=cluster.state.split.share(group),
        is_there=cluster.state.group(group) is not None,
        requests=counted.requests if counted else 0,
        failed=counted.failed if counted else 0,
        served_for=counted.last - counted.first if counted else timedelta(0),
        switches=tuple(
            split.confirmed_at - split.requested_at
            for split in view.splits
            if not is_way_back(split, record)
        ),
        back=back,
        harm=_harm(record, report),
    )


def _harm(record: DeploymentRecord, report: Report) -> Harm | None:
    since, noticed, until = record.switched_at, record.detected_at, record.returned_at
    if since is None or noticed is None or until is None:
        return None
    return Harm(report.between(since, until).requests, noticed - since, record.cause)


def verdict(result: Result) -> tuple[str, ...]:
    """What all came to: one sentence for the whole, one for each version that was taken back."""
    lost = f"{result.lost:,} of {result.requests:,} requests lost through Turnout."
    return (lost, *(_told(outcome) for outcome in result.outcomes if outcome.harm))


def _told(outcome: Outcome) -> str:
    assert outcome.harm is not None  # noqa: S101 - asked before
    harm = outcome.harm
    told = (
        f"Version {outcome.act.version}, by {outcome.act.way}: {outcome.failed:,} of "
        f"{harm.users:,} users harmed, found after {format_seconds(harm.found_after)}"
    )
    return f"{told}, traffic back {format_seconds(outcome.back)} later." if outcome.back else told


def reason(result: Result) -> str:
    """Why the last version was taken back, in the words of what decided it."""
    told = [(outcome.act.version, outcome.harm.why) for outcome in result.outcomes if outcome.harm]
    return "Why version {} was taken back: {}".format(*told[-1]) if told else ""


def broken_promises(result: Result) -> tuple[str, ...]:
    """What was not as this show promises it; nothing when all was."""
    return tuple(_broken(result))


def _broken(result: Result) -> Iterable[str]:
    if result.lost:
        yield f"{result.lost} requests were lost"
    if result.unaccounted:
        yield f"{result.unaccounted} requests never ended"
    for outcome in result.outcomes:
        version = f"version {outcome.act.version}"
        wanted = Status.ROLLED_BACK if outcome.act.fails else Status.SUCCEEDED
        if outcome.status is not wanted:
            yield f"{version} should have {_end(wanted)}, and {_end(outcome.status)}"
        if not outcome.requests:
            yield f"{version} has answered no request"
        if outcome.act.fails and not outcome.failed:
            yield f"{version} should have failed requests, and has not"
        if outcome.act.fails and outcome.is_there:
            yield f"{version} was taken back, and its server group is still there"
        if outcome.act.fails and (outcome.back is None or outcome.harm is None):
            yield f"nothing says how long taking {version} back took"
    good = [outcome for outcome in result.outcomes if not outcome.act.fails]
    if good and good[-1].share != WHOLE:
        yield f"version {good[-1].act.version} should have all users now"
    yield from result.complaints


def _end(status: Status) -> str:
    return {Status.SUCCEEDED: "succeeded", Status.ROLLED_BACK: "been rolled back"}.get(
        status, f"ended as {status}"
    )
