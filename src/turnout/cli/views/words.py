"""Times, counts and states in the words and colours that all views share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from turnout.model.deployment import Kind, Status
from turnout.model.journal import DeploymentRecord, StepRecord
from turnout.model.servers import InstanceState
from turnout.model.units import format_duration, format_share

NEW, OLD, GOOD, BAD, WAIT, FAINT = "green", "blue", "green", "red", "yellow", "bright_black"

STATUS_WORDS: Mapping[Status, str] = {
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.ROLLING_BACK: "rolling back",
    Status.PAUSED: "paused",
    Status.SUCCEEDED: "succeeded",
    Status.ROLLED_BACK: "rolled back",
    Status.FAILED: "failed",
    Status.REFUSED: "refused",
    Status.REJECTED: "rejected",
    Status.CANCELED: "cancelled",
}

STATUS_STYLES: Mapping[Status, str] = {
    Status.QUEUED: WAIT,
    Status.RUNNING: "cyan",
    Status.ROLLING_BACK: WAIT,
    Status.PAUSED: "bold yellow",
    Status.SUCCEEDED: GOOD,
    Status.ROLLED_BACK: WAIT,
    Status.FAILED: "bold red",
    Status.REFUSED: BAD,
    Status.REJECTED: BAD,
    Status.CANCELED: FAINT,
}

INSTANCE_STYLES: Mapping[InstanceState, str] = {
    InstanceState.STARTING: WAIT,
    InstanceState.HEALTHY: GOOD,
    InstanceState.UNHEALTHY: BAD,
    InstanceState.DRAINING: OLD,
    InstanceState.GONE: FAINT,
}


def clean(text: str) -> str:
    """Text of strangers on one line: a probe's answer must not move the cursor."""
    lines = " / ".join(part.strip() for part in text.splitlines() if part.strip())
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in lines)


def clock_time(when: datetime | None, zone: tzinfo | None) -> str:
    """`14:03:07 CET`; a dash for never."""
    if when is None:
        return "-"
    local = when.astimezone(zone)
    return f"{local:%H:%M:%S} {zone_name(local)}"


def full_time(when: datetime | None, zone: tzinfo | None) -> str:
    """`2025-11-23 14:03:07 CET`; a dash for never."""
    if when is None:
        return "-"
    return f"{when.astimezone(zone):%Y-%m-%d} {clock_time(when, zone)}"


def zone_name(local: datetime) -> str:
    """`CET`, or `+0100` where the zone has no name."""
    return local.tzname() or f"{local:%z}"


def deadline_time(when: datetime, now: datetime, zone: tzinfo | None) -> str:
    """A time to come: with its date unless it is today."""
    same_day = when.astimezone(zone).date() == now.astimezone(zone).date()
    return clock_time(when, zone) if same_day else full_time(when, zone)


def took(duration: timedelta) -> str:
    """How long something took, as exactly as a person cares: `8 ms`, `4.2 s`, `1m30s`."""
    milliseconds = max(round(duration / timedelta(milliseconds=1)), 0)
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.1f} s"
    return format_duration(timedelta(seconds=round(milliseconds / 1000)))


def between(start: datetime | None, end: datetime | None) -> str:
    """How long from one moment to another; a dash when one is missing."""
    return "-" if start is None or end is None else took(end - start)


def reason(title: str, waiting_for: str) -> str:
    """What a step waits for; empty when its title says that: `watch …`, `watching …`."""
    first, _, rest = waiting_for.partition(" ")
    return "" if title.startswith(f"{first.removesuffix('ing')} {rest}".strip()) else waiting_for


def is_canary(step: StepRecord) -> bool:
    """Whether a step compares a canary with its baseline."""
    return step.op == "analyse"


def waiting(step: StepRecord) -> str:
    """What a step waits for; what a canary says in full is on its page."""
    told = reason(step.title, step.waiting_for)
    return gist(told) if is_canary(step) else told


def gist(text: str, most: int = 140) -> str:
    """The beginning of a long text, up to a whole word."""
    if len(text) <= most:
        return text
    return f"{text[:most].rpartition(' ')[0].rstrip(',;.')} …"


def age(since: datetime, now: datetime) -> str:
    """`12s`, `3h12m`, `2d4h`."""
    return format_duration(timedelta(seconds=max(int((now - since).total_seconds()), 0)))


def at_most(longest: timedelta) -> str:
    """The longest duration of a step."""
    return format_duration(longest) if longest else "moments"


def count(number: int) -> str:
    """`1,204`."""
    return f"{number:,}"


def plural(number: int, one: str) -> str:
    """`1 instance`, `2 instances`."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def short(group: str, cluster: str) -> str:
    """A server group's name beside others of its cluster: `v002`."""
    return group.removeprefix(f"{cluster}-")


def shares_words(shares: Mapping[str, int], cluster: str = "") -> str:
    """`v001 25 %, v000 75 %`, the newest name first; `nothing` for an empty split."""
    told = (
        f"{short(g, cluster)} {format_share(s)}" for g, s in sorted(shares.items(), reverse=True)
    )
    return ", ".join(told) or "nothing"


def sizes_words(sizes: Mapping[str, int], cluster: str = "") -> str:
    """`v001 2, v000 2`; `none` when no server group is left."""
    told = (f"{short(g, cluster)} {n}" for g, n in sorted(sizes.items(), reverse=True))
    return ", ".join(told) or "none"


def what(record: DeploymentRecord) -> str:
    """What kind of deployment: the strategy of a deploy, the name of any other operation."""
    request = record.request
    if request.kind is Kind.DEPLOY and request.service:
        return str(request.service.strategy)
    return str(request.kind)


def version(record: DeploymentRecord) -> str:
    """The version that a deployment brings, or the server group that an operation is about."""
    request = record.request
    if request.service:
        return request.service.settings.version
    group = request.group or (record.plan.new_group if record.plan else "")
    return short(group, request.cluster)


def title(record: DeploymentRecord) -> str:
    """What a deployment does, in a few words."""
    if record.plan:
        return record.plan.title
    request = record.request
    if request.service:
        return f"deploy {request.cluster} {version(record)} by {what(record)}"
    return f"{request.kind} {request.group or request.cluster}"


def duration(record: DeploymentRecord, now: datetime) -> str:
    """How long a deployment took, or has been running; a dash before it began."""
    return between(record.started_at, record.ended_at or now)
