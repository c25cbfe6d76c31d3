"""A deployment's progress on a terminal: a picture drawn again and again in the same place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from turnout.cli import story
from turnout.cli.answers import ClusterView, DeploymentView
from turnout.cli.story import Line, Mark
from turnout.cli.views import words
from turnout.cli.views.canaries import step_page
from turnout.cli.views.cluster import healthy_words
from turnout.cli.views.record import MARK_STYLES, mark_sign, outcome, way_back_words
from turnout.cli.views.signs import Signs, SplitBar
from turnout.model.servers import ServerGroup
from turnout.model.traffic import GroupTraffic
from turnout.model.units import format_share

WIDTH = 110
BAR = 60
FEWEST = 3
MOST_DOTS = 16
EASE = 0.35
"""How much of its way to the target the bar moves in each picture."""

_OTHERS = (words.OLD, "magenta", "cyan")


@dataclass(slots=True)
class LiveView:
    """Draws pictures; remembers where the bar stood and what had been counted when it began."""

    signs: Signs
    zone: tzinfo | None
    url: str = ""
    """Of the server: where pages are."""
    _frame: int = 0
    _shown: dict[str, float] = field(default_factory=dict)
    _counted: dict[str, GroupTraffic] | None = None

    def draw(
        self,
        view: DeploymentView,
        cluster: ClusterView | None,
        now: datetime,
        *,
        surplus: Callable[[RenderableType], int],
        lost: str = "",
    ) -> RenderableType:
        """The picture of this moment, with so many steps that there is no `surplus` of lines."""
        self._frame += 1
        head, below = self._head(view, now), self._below(view, cluster, lost)
        told = _reached(story.tell(view))
        room = max(len(told), FEWEST)
        while True:
            steps = self._steps(view, _fit(told, room), now)
            drawn = Constrain(Group(head, Text(), steps, *below), WIDTH)
            too_many = surplus(drawn)
            if too_many <= 0 or room == FEWEST:
                return drawn
            room = max(room - too_many, FEWEST)

    def _head(self, view: DeploymentView, now: datetime) -> RenderableType:
        record = view.record
        status = Text.assemble(
            (words.STATUS_WORDS[record.status], words.STATUS_STYLES[record.status]),
            f" {words.duration(record, now)}" if record.started_at else "",
        )
        head = Table.grid(expand=True, padding=(0, 1))
        head.add_column(ratio=1)
        head.add_column(justify="right", no_wrap=True)
        head.add_row(Text(words.clean(words.title(record)), "bold"), status)
        head.add_row(Text(record.id, words.FAINT), "")
        return head

    def _steps(
        self, view: DeploymentView, lines: Sequence[Line | str], now: datetime
    ) -> RenderableType:
        table = Table.grid(expand=True, padding=(0, 1))
        table.add_column(width=2, no_wrap=True)
        table.add_column(ratio=1)
        table.add_column(justify="right", no_wrap=True, min_width=8)
        if not lines:
            table.add_row(self._spinner(), Text(words.clean(view.record.sentence)), "")
        for item in lines:
            if isinstance(item, str):
                table.add_row("", Text(item, words.FAINT), "")
            else:
                table.add_row(*self._step(item, now))
        return table

    def _step(self, line: Line, now: datetime) -> tuple[Text, Text, Text]:
        style = MARK_STYLES[line.mark]
        record = line.record
        if record is None:
            longest = line.planned.longest if line.planned else None
            most = f"max {words.at_most(longest)}" if longest else ""
            mark = Text(mark_sign(line.mark, self.signs), style)
            return mark, Text(words.clean(line.title), words.FAINT), Text(most, words.FAINT)
        title = Text.assemble(
            (words.clean(line.title), "bold" if line.mark is Mark.RUNNING else "")
        )
        if line.mark is Mark.RUNNING:
            self._add_reason(title, line, now)
        elif line.mark is Mark.FAILED:
            title.append(f"\n{words.clean(record.said)}", words.BAD)
        mark = (
            self._spinner()
            if line.mark is Mark.RUNNING
            else Text(mark_sign(line.mark, self.signs), style)
        )
        return mark, title, Text(words.between(record.started_at, record.ended_at or now))

    def _add_reason(self, title: Text, line: Line, now: datetime) -> None:
        record = line.record
        if record is None:
            return
        if record.attempts > 1:
            title.append(f" (attempt {record.attempts})", words.WAIT)
        reason = words.waiting(record)
        if reason:
            title.append(f"\n{words.clean(reason)}", words.WAIT)
        if record.deadline:
            left = words.took(record.deadline - now)
            until = words.deadline_time(record.deadline, now, self.zone)
            title.append(f"\nuntil {until} at most, {left} left", words.FAINT)

    def _spinner(self) -> Text:
        frames = self.signs.running
        return Text(frames[self._frame % len(frames)], "cyan")

    def _below(
        self, view: DeploymentView, cluster: ClusterView | None, lost: str
    ) -> list[RenderableType]:
        parts: list[RenderableType] = []
        if cluster and cluster.state.groups:
            parts += [Text(), *self._traffic(view, cluster)]
        page = step_page(self.url, story.running_step(view))
        if page:
            parts += [Text(), Text(f"With pictures: {page}", words.FAINT)]
        if lost:
            parts += [Text(), Text(f"{lost} Trying again.", words.WAIT)]
        if view.record.status.is_end:
            parts += [Text(), outcome(view.record, cause=story.teller(view) is None)]
            back = way_back_words(view.record)
            if back:
                parts.append(Text(back, words.FAINT))
        return parts

    def _traffic(self, view: DeploymentView, cluster: ClusterView) -> list[RenderableType]:
        groups = [
            g
            for g in sorted(cluster.state.groups, key=lambda g: g.created_at, reverse=True)
            if g.desired or cluster.state.split.share(g.name)
        ]
        styles = _styles(groups, view)
        if self._counted is None:
            self._counted = dict(cluster.traffic)
        self._move(cluster.state.split.shares)
        parts = [(self._shown.get(g.name, 0.0), styles[g.name]) for g in groups]
        bar = Table.grid(padding=(0, 1))
        bar.add_row("traffic", SplitBar(parts, BAR, self.signs))
        return [bar, self._legend(groups, cluster, styles)]

    def _legend(
        self, groups: Sequence[ServerGroup], cluster: ClusterView, styles: Mapping[str, str]
    ) -> Table:
        table = Table.grid(padding=(0, 2))
        for justify in ("left", "left", "right", "left", "right", "right"):
            table.add_column(justify="right" if justify == "right" else "left", no_wrap=True)
        for group in groups:
            share = cluster.state.split.share(group.name)
            requests, failed = self._since(group.name, cluster.traffic)
            table.add_row(
                Text(f"        {group.name}", styles[group.name]),
                words.clean(group.version),
                Text(format_share(share), "bold" if share else words.FAINT),
                self._dots(group),
                f"{words.count(requests)} requests",
                Text(f"{words.count(failed)} failed", words.BAD if failed else words.FAINT),
            )
        return table

    def _since(self, group: str, traffic: Mapping[str, GroupTraffic]) -> tuple[int, int]:
        """Requests and failures since the first picture."""
        before = (self._counted or {}).get(group, GroupTraffic())
        now = traffic.get(group, GroupTraffic())
        return max(now.requests - before.requests, 0), max(now.failed - before.failed, 0)

    def _dots(self, group: ServerGroup) -> Text:
        dots = Text()
        if len(group.instances) <= MOST_DOTS:
            for instance in group.instances:
                dots.append(self.signs.dot, words.INSTANCE_STYLES[instance.state])
            dots.append(" ")
        return dots.append_text(healthy_words(group)).append(" healthy", words.FAINT)

    def _move(self, target: Mapping[str, int]) -> None:
        """One frame of the bar on its way to where the split is."""
        if not self._shown:
            self._shown = {name: float(share) for name, share in target.items()}
        for name in self._shown.keys() | target.keys():
            here, there = self._shown.get(name, 0.0), float(target.get(name, 0))
            self._shown[name] = there if abs(there - here) < 2 else here + (there - here) * EASE


def _styles(groups: Sequence[ServerGroup], view: DeploymentView) -> dict[str, str]:
    """The new group in one colour, the others in others."""
    new = view.record.plan.new_group if view.record.plan else ""
    old = [g.name for g in groups if g.name != new]
    return {new: words.NEW} | {name: _OTHERS[i % len(_OTHERS)] for i, name in enumerate(old)}


def _reached(told: Sequence[Line]) -> list[Line | str]:
    """Without the steps that will not come any more; with a word where the way back begins."""
    found: list[Line | str] = [line for line in told if line.mark is not Mark.NOT_REACHED]
    missed = len(told) - len(found)
    if missed:
        turn = next((i for i, line in enumerate(told) if line.mark is Mark.NOT_REACHED), 0)
        found.insert(turn, f"({words.plural(missed, 'step')} not reached)")
    back = next((i for i, line in enumerate(found) if isinstance(line, Line) and line.way_back), 0)
    if back:
        found.insert(back, "way back:")
    return found


def _fit(told: Sequence[Line | str], room: int) -> list[Line | str]:
    """The steps around the one that is going on, as many as have room; the rest as counts."""
    if len(told) <= room:
        return list(told)
    begun = [i for i, line in enumerate(told) if isinstance(line, Line) and line.record]
    focus = begun[-1] if begun else 0
    size = max(room - 2, 2)
    first = min(max(focus - size // 2, 0), len(told) - size)
    shown = told[first : first + size]
    above, below = first, len(told) - first - size
    before = [f"… {words.plural(above, 'step')} before"] if above else []
    after = [f"… {words.plural(below, 'step')} more"] if below else []
    return [*before, *shown, *after]
