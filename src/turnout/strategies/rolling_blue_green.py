"""Rolling blue/green: the switch in steps, each one ready, confirmed, held and checked before the
next.
"""

from __future__ import annotations

from turnout.model.checks import Check, TripWires
from turnout.model.deployment import Options, Request, Scale, Service
from turnout.model.plan import Plan
from turnout.model.servers import needed
from turnout.model.traffic import WHOLE
from turnout.model.units import format_share
from turnout.strategies.blue_green import watch_checks
from turnout.strategies.draft import Draft
from turnout.strategies.new_group import Arrival, arrival, bring_up, retire
from turnout.strategies.shares import shares_of, with_share


def plan_rolling_blue_green(draft: Draft, request: Request, service: Service) -> Plan:
    """Create, ready, checks, delay; per step grow, ready, shift, hold; then watch and retire."""
    options = service.options
    new = arrival(service, draft)
    draft.new_group = new.group
    shares = options.steps if draft.state.source else (WHOLE,)
    first = shares[0] if options.scale is Scale.WITH_TRAFFIC else WHOLE
    bring_up(draft, service, new, share=first)
    draft.delay(options.delay_before_switch, "before the first step")
    for share in shares:
        _step(draft, options, new, share)
    draft.watch(watch_checks(options), new.group, options.watch)
    retire(draft, service, new)
    return draft.finish()


def _step(draft: Draft, options: Options, new: Arrival, share: int) -> None:
    size = needed(new.size, share)
    if draft.size(new.group) < size:
        draft.resize(new.group, size, step=f"grow-{share}")
        draft.await_ready(
            new.group, new.ready(options, share), options.ready_deadline, step=f"ready-{share}"
        )
    shares = with_share(shares_of(draft.state), new.group, share)
    ready = dict.fromkeys(shares, 1) | {new.group: new.ready(options, share)}
    draft.shift(shares, ready, step=f"shift-{share}")
    _hold(draft, options, new, share)
    if options.shrink_source and share < WHOLE:
        _shrink(draft, shares, share)


def _hold(draft: Draft, options: Options, new: Arrival, share: int) -> None:
    step, where = f"hold-{share}", f" at {format_share(share)}"
    checks: tuple[Check, ...] = options.checks or (TripWires(),)
    if options.step_hold:
        draft.watch(checks, new.group, options.step_hold, step=step, where=where)
    else:
        draft.checks(options.checks, new.group, step=step, title=f"check {new.group}{where}")


def _shrink(draft: Draft, shares: dict[str, int], share: int) -> None:
    """Shrink what served before to what its remaining share needs."""
    for group in draft.state.groups:
        before, now = draft.state.split.share(group.name), shares.get(group.name, 0)
        if not before:
            continue
        size = -(-group.desired * now // before) or 1  # rounded up, never below what is needed
        if size < draft.size(group.name):
            draft.pin(group.name, size, step=f"pin-{group.name}-{share}")
            draft.resize(group.name, size, step=f"shrink-{group.name}-{share}")
