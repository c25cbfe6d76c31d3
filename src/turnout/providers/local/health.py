"""When answers to a probe make an instance healthy or unhealthy. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.model.servers import InstanceState, Probe

_SOONEST = 0.05


@dataclass(frozen=True, slots=True)
class Health:
    """What the answers so far amount to. Times in seconds, of a clock that only goes forward."""

    state: InstanceState = InstanceState.STARTING
    good: int = 0
    """Good answers in a row."""
    bad: int = 0
    """Bad answers in a row."""
    good_since: float = 0.0


def next_health(health: Health, probe: Probe, *, is_good: bool, now: float) -> Health:
    """Take one more answer into account."""
    if is_good:
        since = health.good_since if health.good else now
        good = health.good + 1
        is_healthy = good >= probe.healthy_after and now >= since + _min_healthy(probe)
        return Health(InstanceState.HEALTHY if is_healthy else health.state, good, 0, since)
    bad = health.bad + 1
    if health.state is InstanceState.HEALTHY and bad >= probe.unhealthy_after:
        return Health(InstanceState.UNHEALTHY, 0, bad)
    return Health(health.state, 0, bad)


def next_delay(health: Health, probe: Probe, *, now: float, started: float) -> float:
    """Seconds until the next question: the interval, or sooner while an instance comes up."""
    interval = probe.interval.total_seconds()
    if health.state is InstanceState.HEALTHY:
        return interval
    if health.good >= probe.healthy_after:
        rest = health.good_since + _min_healthy(probe) - now
        return min(interval, max(_SOONEST, rest))
    if health.good or health.state is not InstanceState.STARTING or probe.request.kind == "command":
        return interval
    return min(interval, max(_SOONEST, (now - started) / 4))


def _min_healthy(probe: Probe) -> float:
    return probe.min_healthy_time.total_seconds()
