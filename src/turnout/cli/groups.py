"""Server groups: how large, how much traffic, gone."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from turnout.cli import operating, options
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation
from turnout.cli.operating import Wish

PANEL = "Operate"


def register(app: typer.Typer) -> None:
    """Add the commands of this noun."""
    for name, function in (
        ("resize", resize),
        ("enable", enable),
        ("disable", disable),
        ("destroy", destroy),
    ):
        options.command(app, name, panel=PANEL)(function)


def resize(
    call: Invocation,
    group: options.Group,
    *,
    instances: Annotated[
        int, typer.Argument(metavar="N", min=0, max=1000, help="How many instances.")
    ],
    plan_only: options.PlanOnly = False,
    wait: options.Wait = True,
    on_busy: options.OnBusy = options.Busy.QUEUED,
    reason: options.Reason = "",
    force: options.Force = "",
    fingerprint: options.Fingerprint = "",
    yes: options.Yes = False,
) -> int:
    """Change how many instances a server group has. Asks at a terminal before 0."""
    asks = bool(force) or instances == 0
    wish = Wish(on_busy, reason, force, fingerprint, wait, yes, plan_only, asks=asks)
    wanted = {"kind": "resize", "group": group, "instances": instances}
    return _operate(call, group, wanted, wish, again=f"turnout resize {group} {instances}")


def enable(
    call: Invocation,
    group: options.Group,
    *,
    share: Annotated[
        str,
        typer.Option("--share", metavar="SHARE", help="How much of the traffic: 10% or 2.5%."),
    ] = "100%",
    plan_only: options.PlanOnly = False,
    wait: options.Wait = True,
    on_busy: options.OnBusy = options.Busy.QUEUED,
    reason: options.Reason = "",
    force: options.Force = "",
    fingerprint: options.Fingerprint = "",
    yes: options.Yes = False,
) -> int:
    """Give a server group a share of the traffic. The others keep their proportions in the rest."""
    wish = Wish(on_busy, reason, force, fingerprint, wait, yes, plan_only, asks=bool(force))
    wanted = {"kind": "enable", "group": group, "share": _share(share)}
    return _operate(call, group, wanted, wish, again=f"turnout enable {group} --share {share}")


def disable(
    call: Invocation,
    group: options.Group,
    *,
    plan_only: options.PlanOnly = False,
    wait: options.Wait = True,
    on_busy: options.OnBusy = options.Busy.QUEUED,
    reason: options.Reason = "",
    force: options.Force = "",
    fingerprint: options.Fingerprint = "",
    yes: options.Yes = False,
) -> int:
    """Take a server group's traffic away; its instances stay warm. Asks first at a terminal."""
    wish = Wish(on_busy, reason, force, fingerprint, wait, yes, plan_only, asks=True)
    wanted = {"kind": "disable", "group": group}
    return _operate(call, group, wanted, wish, again=f"turnout disable {group}")


def destroy(
    call: Invocation,
    group: options.Group,
    *,
    plan_only: options.PlanOnly = False,
    wait: options.Wait = True,
    on_busy: options.OnBusy = options.Busy.QUEUED,
    reason: options.Reason = "",
    force: options.Force = "",
    fingerprint: options.Fingerprint = "",
    yes: options.Yes = False,
) -> int:
    """End all instances of a server group and forget it. Asks first at a terminal."""
    wish = Wish(on_busy, reason, force, fingerprint, wait, yes, plan_only, asks=True)
    wanted = {"kind": "destroy", "group": group}
    return _operate(call, group, wanted, wish, again=f"turnout destroy {group}")


def cluster_of(group: str) -> str:
    """The cluster of a server group, by its name. Raises `CommandError`."""
    from turnout.model.errors import InvalidDocument
    from turnout.model.names import parse_group

    try:
        return parse_group(group)[0]
    except InvalidDocument as error:
        raise CommandError(
            f"{error.message}: a server group is called like shop-v001.",
            "turnout status shows the names.",
            Exit.USAGE,
            code="usage",
        ) from error


def _operate(
    call: Invocation, group: str, wanted: dict[str, Any], wish: Wish, *, again: str
) -> int:
    return operating.operate(call, cluster_of(group), wanted, wish, again=again)


def _share(text: str) -> int:
    from turnout.model.units import parse_share

    try:
        share = parse_share(text)
    except ValueError as error:
        raise _no_share(str(error)) from error
    if share == 0:
        raise _no_share("a share of nothing")
    return share


def _no_share(why: str) -> CommandError:
    return CommandError(
        f"--share: {why}.",
        "Write a share like 10%. To take all traffic away: turnout disable GROUP.",
        Exit.USAGE,
        code="usage",
    )
