"""Deployments: begin, plan, take back, stop, answer."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout.cli import operating, options
from turnout.cli.files import read_text
from turnout.cli.invocation import Invocation
from turnout.cli.operating import Wish

if TYPE_CHECKING:
    from turnout.cli.client import Client

PANEL = "Deploy"

File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="A service file; - reads standard input."),
]
Version = Annotated[
    str, typer.Option("--version", metavar="V", help="The version, instead of the file's.")
]
StrategyOption = Annotated[
    options.Strategy | None,
    typer.Option("--strategy", help="The strategy, instead of the file's.", show_default=False),
]
Instances = Annotated[
    int | None,
    typer.Option("--instances", metavar="N", min=1, max=1000, help="Size of the new server group."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this noun."""
    for name, function in (
        ("deploy", deploy),
        ("plan", plan),
        ("rollback", rollback),
        ("cancel", cancel),
        ("answer", answer),
    ):
        options.command(app, name, panel=PANEL)(function)


def deploy(
    call: Invocation,
    file: File,
    *,
    version: Version = "",
    strategy: StrategyOption = None,
    instances: Instances = None,
    plan_only: options.PlanOnly = False,
    wait: options.Wait = True,
    on_busy: options.OnBusy = options.Busy.QUEUED,
    force: options.Force = "",
    reason: options.Reason = "",
    fingerprint: options.Fingerprint = "",
    yes: options.Yes = False,
) -> int:
    """Deploy a service file, and show the progress until the end.

    Asks at a terminal only together with --force.
    """
    wanted = _wanted(call, file, version, strategy, instances)
    wish = Wish(on_busy, reason, force, fingerprint, wait, yes, plan_only, asks=bool(force))
    return operating.deploy(
        call, wanted, wish, file=file, again=_again(file, version, strategy, instances)
    )


def plan(
    call: Invocation,
    file: File,
    *,
    version: Version = "",
    strategy: StrategyOption = None,
    instances: Instances = None,
    force: options.Force = "",
) -> int:
    """Show what a deployment would do, step by step. Touches nothing."""
    wanted = _wanted(call, file, version, strategy, instances)
    wish = Wish(force=force, plan_only=True)
    return operating.deploy(
        call, wanted, wish, file=file, again=_again(file, version, strategy, instances)
    )


def rollback(
    call: Invocation,
    cluster: options.Cluster,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="GROUP",
            help="To this server group. [default: the previous enabled one]",
            autocompletion=options.complete_group,
            show_default=False,
        ),
    ] = "",
    plan_only: options.PlanOnly = False,
    wait: options.Wait = True,
    on_busy: options.OnBusy = options.Busy.QUEUED,
    force: options.Force = "",
    reason: options.Reason = "",
    fingerprint: options.Fingerprint = "",
    yes: options.Yes = False,
) -> int:
    """Give all traffic back to an earlier server group. Then the cluster is held.

    Asks first at a terminal. To stop a deployment that still runs, use cancel.
    """
    wish = Wish(
        *(on_busy, reason, force, fingerprint, wait, yes, plan_only),
        asks=True,
        remark=lambda client: _goes_on(client, cluster),
    )
    again = f"turnout rollback {cluster}" + (f" --to {to}" if to else "")
    return operating.operate(
        call, cluster, {"kind": "rollback"} | ({"group": to} if to else {}), wish, again=again
    )


def cancel(
    call: Invocation,
    deployment: options.Deployment,
    *,
    wait: options.Wait = True,
    reason: options.Reason = "",
) -> int:
    """Stop a deployment and take back what it has done. Done when all is as it was before."""
    from turnout.model.deployment import Status

    with call.connect() as client:
        found = operating.find_deployment(client, deployment)
        body = {"by": call.surroundings.user(), "reason": reason}
        document = client.cancel(found, body)
        ends = (Status.ROLLED_BACK, Status.CANCELED)
        return operating.wait_for(call, client, document, wait=wait, wished=ends)


def answer(
    call: Invocation,
    deployment: options.Deployment,
    *,
    choice: Annotated[
        options.Answer, typer.Argument(metavar="CHOICE", help="retry, continue, rollback or stop.")
    ],
    wait: options.Wait = True,
    comment: Annotated[
        str, typer.Option("--comment", metavar="TEXT", help="Why; recorded.", show_default=False)
    ] = "",
) -> int:
    """Answer the question of a paused deployment. An end that you asked for is a success."""
    from turnout.cli.answers import DeploymentView, read_answer
    from turnout.model.deployment import Status

    ends = {
        options.Answer.ROLLBACK: (Status.ROLLED_BACK,),
        options.Answer.STOP: (Status.FAILED,),
    }.get(choice, ())
    with call.connect() as client:
        found = operating.find_deployment(client, deployment)
        paused = read_answer(DeploymentView, client.deployment(found)).record.question
        body = {"choice": str(choice), "by": call.surroundings.user(), "comment": comment}
        document = client.answer(found, body)
        answered = paused.asked_at if paused else None
        return operating.wait_for(call, client, document, wait=wait, wished=ends, answered=answered)


def _goes_on(client: Client, cluster: str) -> str:
    """Who wants to take back a deployment that still runs wants to cancel it."""
    from turnout.cli.answers import ClusterView, read_answer
    from turnout.cli.views.ahead import ahead_words
    from turnout.model.deployment import Kind

    running = read_answer(ClusterView, client.cluster(cluster)).running
    if running is None:
        return ""
    if running.question:
        return f"Note: this waits for its end: {ahead_words(running, Kind.ROLLBACK)}"
    return (
        f"Note: {running.id} is running, and this waits for its end. "
        f"To stop and take back that one instead: turnout cancel {running.id}"
    )


def _wanted(
    call: Invocation,
    file: str,
    version: str,
    strategy: options.Strategy | None,
    instances: int | None,
) -> dict[str, Any]:
    wanted: dict[str, Any] = {"document": read_document(call, file)}
    if version:
        wanted["version"] = version
    if strategy:
        wanted["strategy"] = str(strategy)
    if instances:
        wanted["instances"] = instances
    return wanted


def _again(
    file: str, version: str, strategy: options.Strategy | None, instances: int | None
) -> str:
    given = (("--version", version), ("--strategy", strategy), ("--instances", instances))
    words = ["turnout", "deploy", file]
    words += [word for name, value in given if value for word in (name, str(value))]
    return shlex.join(words)


def read_document(call: Invocation, file: str) -> dict[str, str]:
    """A service file, with the folder where its paths begin. Raises `CommandError`."""
    wanted = "Name a service file: YAML in UTF-8. Ten lines are enough, see examples/minimal."
    text, name = read_text(call, file, wanted=wanted)
    folder = Path.cwd() if file == "-" else Path(file).resolve().parent
    return {"text": text, "folder": str(folder), "name": name}
