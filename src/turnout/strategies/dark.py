"""Dark: a new group, ready and checked, that no user sees."""

from __future__ import annotations

from turnout.model.deployment import Request, Service
from turnout.model.plan import Plan
from turnout.strategies.draft import Draft
from turnout.strategies.new_group import arrival, bring_up


def plan_dark(draft: Draft, request: Request, service: Service) -> Plan:
    """Create, ready, checks; the group stays at share 0."""
    new = arrival(service, draft)
    draft.new_group = new.group
    bring_up(draft, service, new)
    draft.commit()
    for group in draft.state.groups:
        if draft.state.split.share(group.name) and group.desired:
            draft.pin(group.name, 0)
    some = " --share 10%" if draft.state.source else ""
    draft.notes.append(
        f"{new.group} gets no traffic; give it some with: turnout enable {new.group}{some}"
    )
    return draft.finish()
