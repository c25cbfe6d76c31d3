"""Asking the server for a deployment or another operation: plan, confirm, send, wait."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.cli.errors import CommandError
from turnout.cli.exits import OF_STATUS, Exit
from turnout.cli.invocation import Invocation
from turnout.cli.problems import naming

if TYPE_CHECKING:
    from datetime import datetime

    from turnout.cli.client import Client
    from turnout.model.deployment import Status
    from turnout.model.journal import DeploymentRecord

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without those that look alike."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options say that all changing commands share."""

    on_busy: str = "queued"
    reason: str = ""
    force: str = ""
    fingerprint: str = ""
    wait: bool = True
    yes: bool = False
    plan_only: bool = False
    asks: bool = False
    """Whether a person at the terminal sees the plan and is asked first."""
    remark: Callable[[Client], str] | None = None
    """What the person should know beside the plan; asked for only then."""

    def body(self, call: Invocation) -> dict[str, Any]:
        """The part of a request that all have."""
        return {
            "on_busy": self.on_busy,
            "by": call.surroundings.user(),
            "reason": self.reason,
            "force": self.force,
            "fingerprint": self.fingerprint,
        }


def new_id() -> str:
    """An id for one request: sending it twice does it once."""
    import secrets

    return "d-" + "".join(secrets.choice(_LETTERS) for _ in range(10))


def deploy(
    call: Invocation, wanted: Mapping[str, Any], wish: Wish, *, file: str, again: str
) -> Exit:
    """Deploy a document, or with `plan_only` show what that would do: `again` then does it."""

    def plan(client: Client, body: Any) -> Any:
        with naming(file):
            return client.plan(body)

    def send(client: Client, body: Any, key: str) -> Any:
        with naming(file):
            return client.deploy(body, key)

    return _run(call, wanted, wish, plan, send, again)


def operate(
    call: Invocation, cluster: str, wanted: Mapping[str, Any], wish: Wish, *, again: str
) -> Exit:
    """Do a single operation on a cluster, or with `plan_only` show what that would do."""

    def plan(client: Client, body: Any) -> Any:
        return client.operate(cluster, {**body, "plan_only": True}, "")

    def send(client: Client, body: Any, key: str) -> Any:
        return client.operate(cluster, body, key)

    return _run(call, wanted, wish, plan, send, again)


def _run(
    call: Invocation,
    wanted: Mapping[str, Any],
    wish: Wish,
    plan: Callable[[Client, Any], Any],
    send: Callable[[Client, Any, str], Any],
    again: str,
) -> Exit:
    body = {**wanted, **wish.body(call)}
    with call.connect() as client:
        if wish.plan_only:
            return _show_plan(call, plan(client, body), again)
        if wish.asks and not wish.yes and call.is_interactive:
            remark = wish.remark(client) if wish.remark else ""
            body["fingerprint"] = _ask(call, plan(client, body), remark)
        document = send(client, body, new_id())
        return wait_for(call, client, document, wait=wish.wait)


def _show_plan(call: Invocation, document: Any, again: str) -> Exit:
    from turnout.cli.answers import read_answer
    from turnout.cli.views.plan import plan_view
    from turnout.model.plan import Plan

    plan = read_answer(Plan, document)
    if call.is_json:
        call.say_json(document)
    else:
        call.say(plan_view(plan))
        if plan.steps and not plan.refused:
            call.say("", f"Do exactly this: {again} --fingerprint {plan.fingerprint}")
    if plan.refused and call.is_json:
        raise refusal(plan.refused, plan.refused_rule)
    return Exit.REFUSED if plan.refused else Exit.SUCCESS


def _ask(call: Invocation, document: Any, remark: str) -> str:
    """Show what a person should know and ask; the answer is the fingerprint that was agreed to."""
    from turnout.cli import asking
    from turnout.cli.answers import read_answer
    from turnout.cli.views.plan import plan_notes, plan_summary
    from turnout.model.plan import Plan

    plan = read_answer(Plan, document)
    if plan.refused:
        raise refusal(plan.refused, plan.refused_rule)
    call.say(plan_summary(plan), *plan_notes(plan), *((remark,) if remark else ()))
    if plan.steps:
        asking.confirm(call, "Go ahead?")
    return plan.fingerprint


def refusal(said: str, rule: str, code: str = "refused") -> CommandError:
    """A refused plan or deployment as an error: nothing was touched."""
    return CommandError(
        said,
        "Nothing was touched. turnout status shows how things are.",
        Exit.REFUSED,
        code=rule or code,
        details={"rule": rule} if rule else {},
    )


def refuse(call: Invocation, record: DeploymentRecord) -> None:
    """Programs are told of a refusal as of any other error; people have read it by now."""
    if not call.is_json or OF_STATUS.get(record.status) is not Exit.REFUSED:
        return
    rule = record.plan.refused_rule if record.plan else ""
    raise refusal(
        record.sentence, rule, code="refused" if record.status == "refused" else "conflict"
    )


def wait_for(
    call: Invocation,
    client: Client,
    document: Any,
    *,
    wait: bool,
    wished: Collection[Status] = (),
    answered: datetime | None = None,
) -> Exit:
    """Wait for the end of the deployment with this record, or only say how to.

    An end in `wished` is a success; a question asked at `answered` has its answer.
    """
    from turnout.cli.answers import read_answer
    from turnout.model.journal import DeploymentRecord

    record = read_answer(DeploymentRecord, document)
    if wait:
        from turnout.cli.waiting import await_end

        return await_end(call, client, record, wished=wished, answered=answered)
    if call.is_json:
        call.say_json(document)
        refuse(call, record)
    else:
        from turnout.cli.views.record import outcome

        call.say(outcome(record), f"Follow it: turnout show {record.id} --follow")
    if record.status in wished:
        return Exit.SUCCESS
    return OF_STATUS.get(record.status, Exit.SUCCESS)


def find_deployment(client: Client, named: str, *, ended: bool = False) -> str:
    """The id of a deployment, named by itself or by the cluster where it goes on.

    With `ended` also by the cluster where it was the latest. Raises `CommandError`.
    """
    from turnout.cli.answers import ClusterView, read_answer
    from turnout.model.journal import DeploymentRecord

    try:
        client.deployment(named)
    except CommandError as error:
        if error.exit_code is not Exit.USAGE:
            raise
    else:
        return named
    try:
        view = read_answer(ClusterView, client.cluster(named))
    except CommandError as error:
        if error.exit_code is not Exit.USAGE:
            raise
        near = error.hint if error.hint.startswith("Did you mean") else ""
        raise CommandError(
            f"There is no deployment and no cluster {named!r}.",
            near or "turnout history lists the deployments, turnout status the clusters.",
            Exit.USAGE,
            code="not_found",
        ) from error
    going_on = (*((view.running,) if view.running else ()), *view.waiting)
    latest = client.deployments(cluster=named, limit=1) if ended and not going_on else ()
    going_on += read_answer(tuple[DeploymentRecord, ...], latest)
    if not going_on:
        raise CommandError(
            f"No deployment of {named} goes on or waits.",
            f"turnout history {named} lists those that have ended.",
            Exit.USAGE,
            code="not_found",
        )
    chosen: DeploymentRecord = going_on[0]
    return chosen.id
