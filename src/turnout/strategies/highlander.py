"""Highlander: blue/green that keeps nothing. There can be only one."""

from __future__ import annotations

from turnout.model.deployment import Request, Service
from turnout.model.plan import Plan
from turnout.strategies.blue_green import plan_blue_green
from turnout.strategies.draft import Draft


def plan_highlander(draft: Draft, request: Request, service: Service) -> Plan:
    """Blue/green with `keep: 1`: after switch, confirmation and watch every other group is
    destroyed.
    """
    only_one = service.options.model_copy(update={"keep": 1, "scale_down_after": None})
    return plan_blue_green(draft, request, service.model_copy(update={"options": only_one}))
