"""Clusters as they are now: who serves what share, how healthy, and what is going on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from turnout.cli import story
from turnout.cli.answers import ClusterView, DeploymentView
from turnout.cli.views import words
from turnout.cli.views.canaries import step_page
from turnout.cli.views.signs import Signs, share_bar
from turnout.model.journal import DeploymentRecord
from turnout.model.servers import Instance, InstanceState, ServerGroup
from turnout.model.traffic import GroupTraffic
from turnout.model.units import format_share

BAR = 20

NO_CLUSTER = "No cluster yet. Begin with: turnout deploy service.yaml"


def status_view(
    views: Sequence[ClusterView],
    now: datetime,
    signs: Signs,
    *,
    width: int = 120,
    instances: bool = False,
    under_way: Mapping[str, DeploymentView] | None = None,
    url: str = "",
) -> RenderableType:
    """All clusters, one block each; with a bar where `width` has room.

    `under_way`: what is known of the deployments that run, by their ids; `url`: of the server.
    """
    if not views:
        return Text(NO_CLUSTER)
    blocks: list[RenderableType] = []
    for view in views:
        if blocks:
            blocks.append(Text())
        running = (under_way or {}).get(view.running.id) if view.running else None
        blocks.append(_cluster(view, running, now, BAR if width >= 100 else 0, signs, url))
        if instances and any(g.instances for g in view.state.groups):
            blocks += [Text(), _instances(view, now)]
    return Group(*blocks)


def group_state(group: ServerGroup, share: int) -> tuple[str, str]:
    """`enabled`, `warm` or `cold`, and its colour."""
    if share:
        return "enabled", words.GOOD
    return ("cold", words.FAINT) if group.is_cold else ("warm", words.OLD)


def _cluster(
    view: ClusterView,
    running: DeploymentView | None,
    now: datetime,
    bar: int,
    signs: Signs,
    url: str,
) -> RenderableType:
    head = Text.assemble(
        (view.state.cluster, "bold"), "  ", (view.address or "no listener", words.FAINT)
    )
    lines: list[RenderableType] = [head]
    if view.running:
        lines.append(_going_on(running or DeploymentView(record=view.running), now))
    page = step_page(url, story.running_step(running)) if running else ""
    if page:
        lines.append(Text.assemble(("  canary: ", "cyan"), page))
    lines += [_waiting(record) for record in view.waiting]
    if view.state.held:
        held = f"{words.clean(view.state.held)} (turnout release {view.state.cluster})"
        lines.append(Text.assemble(("  held: ", words.WAIT), held))
    if view.state.frozen:
        lines.append(Text.assemble(("  frozen: ", words.WAIT), words.clean(view.state.frozen)))
    if view.state.groups:
        lines.append(_groups(view, now, bar, signs))
    else:
        lines.append(Text("  no server group: nothing is served"))
    return Group(*lines)


def _going_on(view: DeploymentView, now: datetime) -> RenderableType:
    record = view.record
    doing = ", ".join((words.title(record), *_doing(view)))
    said = Text.assemble(
        (f"{words.STATUS_WORDS[record.status]}: ", words.STATUS_STYLES[record.status]),
        f"{words.clean(doing)} ",
        (f"({_where(view)}{words.duration(record, now)}, {record.id})", words.FAINT),
    )
    return Padding.indent(said, 2)


def _doing(view: DeploymentView) -> Iterator[str]:
    """Trouble, if there is any, and the step that runs with what it waits for."""
    record, step = view.record, story.running_step(view)
    told = record.sentence.removeprefix(f"{words.STATUS_WORDS[record.status]}: ")
    if told not in (words.title(record), step.title if step else ""):
        yield told
    if step and (told == step.title or not told.startswith(step.title)):
        reason = words.waiting(step)
        yield f"{step.title}: {reason}" if reason else step.title


def _where(view: DeploymentView) -> str:
    step = story.running_step(view)
    if step and step.way_back:
        return "way back, "
    number, planned = story.position(view)
    return f"step {number} of {planned}, " if number else ""


def _waiting(record: DeploymentRecord) -> Text:
    return Text.assemble(
        ("  queued: ", words.WAIT), words.title(record), (f" ({record.id})", words.FAINT)
    )


def _groups(view: ClusterView, now: datetime, bar: int, signs: Signs) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=words.FAINT)
    table.add_column("  group", overflow="fold", min_width=11)
    table.add_column("version", overflow="fold")
    table.add_column("share", justify="right", no_wrap=True)
    if bar:
        table.add_column("", no_wrap=True)
    for column in ("healthy", "state", "age"):
        table.add_column(column, no_wrap=True)
    for column in ("requests", "failed"):
        table.add_column(column, justify="right", no_wrap=True)
    for group in sorted(view.state.groups, key=lambda g: g.created_at, reverse=True):
        table.add_row(*_group(group, view, now, bar, signs))
    return table


def _group(
    group: ServerGroup, view: ClusterView, now: datetime, bar: int, signs: Signs
) -> tuple[str | Text, ...]:
    share = view.state.split.share(group.name)
    state, style = group_state(group, share)
    traffic = view.traffic.get(group.name, GroupTraffic())
    return (
        f"  {group.name}",
        words.clean(group.version),
        Text(format_share(share), "" if share else words.FAINT),
        *((share_bar(share, bar, style, signs),) if bar else ()),
        healthy_words(group),
        Text(state, style),
        words.age(group.created_at, now),
        words.count(traffic.requests),
        Text(words.count(traffic.failed), words.BAD if traffic.failed else ""),
    )


def healthy_words(group: ServerGroup) -> Text:
    """`2/3`, in the colour of how good that is."""
    if group.healthy >= group.desired:
        style = words.GOOD if group.desired else words.FAINT
    else:
        style = words.WAIT if group.healthy else words.BAD
    return Text(f"{group.healthy}/{group.desired}", style)


def _instances(view: ClusterView, now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=words.FAINT)
    for column in ("  instance", "group", "state", "for", "address", "pid"):
        table.add_column(column, no_wrap=True)
    table.add_column("restarts", justify="right", no_wrap=True)
    table.add_column("last probe", ratio=1)
    for group in sorted(view.state.groups, key=lambda g: g.created_at, reverse=True):
        for instance in group.instances:
            table.add_row(*_instance(instance, group, now))
    return table


def _instance(instance: Instance, group: ServerGroup, now: datetime) -> tuple[str | Text, ...]:
    is_well = instance.state is InstanceState.HEALTHY
    said = instance.hopeless or instance.probe_said
    if instance.exit_code is not None and not is_well:
        said = (
            f"exit code {instance.exit_code}; {said}" if said else f"exit code {instance.exit_code}"
        )
    return (
        f"  {instance.id}",
        words.short(group.name, group.cluster),
        Text(str(instance.state), words.INSTANCE_STYLES[instance.state]),
        words.age(instance.since, now) if instance.since else "-",
        f"{instance.host}:{instance.port}" if instance.port else "-",
        str(instance.pid or "-"),
        str(instance.restarts),
        Text(words.clean(said), "" if is_well else words.INSTANCE_STYLES[instance.state]),
    )
