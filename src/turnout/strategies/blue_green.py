"""Blue/green: two groups at full size, one atomic switch, the old one kept warm."""

from __future__ import annotations

from turnout.model.checks import Check, TripWires
from turnout.model.deployment import Options, Request, Service
from turnout.model.plan import Plan
from turnout.strategies.draft import Draft
from turnout.strategies.new_group import arrival, bring_up, retire


def plan_blue_green(draft: Draft, request: Request, service: Service) -> Plan:
    """Create, ready, checks, delay, switch, watch, retire."""
    options = service.options
    new = arrival(service, draft)
    draft.new_group = new.group
    bring_up(draft, service, new)
    draft.delay(options.delay_before_switch, "before the switch")
    draft.shift({new.group: 1000}, {new.group: new.ready(options)}, step="switch")
    draft.watch(watch_checks(options), new.group, options.watch)
    retire(draft, service, new)
    return draft.finish()


def watch_checks(options: Options) -> tuple[Check, ...]:
    """The checks of the watch: the default trip wires unless others are named."""
    return options.watch_checks or (TripWires(),)
