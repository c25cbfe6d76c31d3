"""One deployment, finished or not: what it did against its plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli import story
from turnout.cli.answers import DeploymentView
from turnout.cli.story import Line, Mark
from turnout.cli.views import words
from turnout.cli.views.signs import Signs
from turnout.model.checks import Verdict
from turnout.model.journal import CheckRecord, DeploymentRecord, Question

MARK_STYLES = {
    Mark.DONE: words.GOOD,
    Mark.FAILED: words.BAD,
    Mark.CANCELED: words.WAIT,
    Mark.RUNNING: "cyan",
    Mark.TO_COME: words.FAINT,
    Mark.NOT_REACHED: words.FAINT,
}

VERDICT_STYLES = {
    Verdict.PASS: words.GOOD,
    Verdict.FAIL: words.BAD,
    Verdict.INCONCLUSIVE: words.WAIT,
    Verdict.ERROR: words.WAIT,
}


def record_view(
    view: DeploymentView, now: datetime, zone: tzinfo | None, signs: Signs
) -> RenderableType:
    """Everything that the journal knows about it."""
    record = view.record
    parts: list[RenderableType] = [_head(record), _facts(record, now, zone)]
    if record.question:
        parts += [Text(), question_view(record.id, record.question, now, zone)]
    for name, table in _tables(view, now, zone, signs):
        parts += [Text(), Text(name, "bold"), table]
    return Group(*parts)


def outcome(record: DeploymentRecord, *, cause: bool = True) -> Text:
    """How it stands or ended, in one sentence that begins with the status.

    Without `cause` for where that is told beside it.
    """
    word = words.STATUS_WORDS[record.status]
    said = words.clean(record.sentence if cause else without_cause(record))
    rest = said.removeprefix(word) if said.startswith(word) else f": {said}"
    return Text.assemble((word, words.STATUS_STYLES[record.status]), rest)


def without_cause(record: DeploymentRecord) -> str:
    """How it ended, but not why."""
    return record.sentence.removesuffix(f": {record.cause}") if record.cause else record.sentence


def question_view(deployment: str, question: Question, now: datetime, zone: tzinfo | None) -> Text:
    """The question of a paused deployment, and how to answer."""
    until = words.deadline_time(question.until, now, zone)
    choices = " | ".join(question.choices)
    return Text.assemble(
        ("Question: ", "bold yellow"),
        words.clean(question.sentence),
        "\n",
        ("Answer:   ", "bold yellow"),
        f"turnout answer {deployment} {choices}\n",
        (f"          without an answer by {until}: {question.default}", words.FAINT),
    )


def way_back_words(record: DeploymentRecord) -> str:
    """When the trouble was noticed, the way back decided and the traffic back: relative times."""
    if record.decided_at is None:
        return ""
    parts = []
    if record.switched_at and record.detected_at and record.detected_at >= record.switched_at:
        parts.append(
            f"noticed {words.took(record.detected_at - record.switched_at)} after the switch"
        )
    if record.detected_at and words.took(record.decided_at - record.detected_at) != "0 ms":
        parts.append(f"decided in {words.took(record.decided_at - record.detected_at)}")
    if record.returned_at:
        parts.append(f"traffic back in {words.took(record.returned_at - record.decided_at)}")
    if record.failed_requests is not None:
        requests = words.plural(record.failed_requests, "request")
        parts.append(f"{requests} to the new version failed in between")
    return ", ".join(parts)


def _head(record: DeploymentRecord) -> Text:
    return Text(words.clean(words.title(record)), "bold")


def _facts(record: DeploymentRecord, now: datetime, zone: tzinfo | None) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style=words.FAINT, no_wrap=True)
    facts.add_column(ratio=1)
    for name, said in _fact_lines(record, now, zone):
        if said:
            facts.add_row(f"  {name}", said)
    return facts


def _fact_lines(
    record: DeploymentRecord, now: datetime, zone: tzinfo | None
) -> Iterator[tuple[str, str | Text]]:
    request = record.request
    yield "id", record.id
    yield "outcome" if record.status.is_end else "status", outcome(record, cause=False)
    yield "cause", words.clean(record.cause)
    yield "way back", way_back_words(record)
    yield "reverses", record.reverses
    yield "by", words.clean(request.by)
    yield "reason", words.clean(request.reason)
    yield "forced", words.clean(request.force)
    yield "asked", words.full_time(request.requested_at, zone)
    if record.started_at:
        yield "began", words.full_time(record.started_at, zone)
    if record.switched_at:
        yield "switched", words.full_time(record.switched_at, zone)
    if record.ended_at:
        ended = words.full_time(record.ended_at, zone)
        yield "ended", f"{ended}, after {words.duration(record, now)}"


def _tables(
    view: DeploymentView, now: datetime, zone: tzinfo | None, signs: Signs
) -> Iterator[tuple[str, Table]]:
    told = story.tell(view)
    forward = [line for line in told if not line.way_back]
    back = [line for line in told if line.way_back]
    if forward:
        reached, planned = story.position(view)
        name = f"Steps ({reached} of {planned} planned)" if planned else "Steps"
        yield name, _steps(forward, now, signs)
    if back:
        yield "Way back", _steps(back, now, signs)
    if view.splits:
        yield "Traffic", _splits(view, zone)
    if view.checks:
        yield "Checks", _checks(view, zone)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=words.FAINT)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _steps(lines: list[Line], now: datetime, signs: Signs) -> Table:
    table = _table("  ")
    table.add_column("step")
    for column in ("took", "at most", "tries"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("what came of it", ratio=1)
    for line in lines:
        table.add_row(*_step(line, now, signs))
    return table


def _step(line: Line, now: datetime, signs: Signs) -> tuple[Text | str, ...]:
    record = line.record
    style = MARK_STYLES[line.mark]
    longest = words.at_most(line.planned.longest) if line.planned else ""
    mark = Text(f"  {mark_sign(line.mark, signs)}", style)
    if record is None:
        said = Text(str(line.mark), words.FAINT)
        return mark, Text(words.clean(line.title), words.FAINT), "", longest, "", said
    said = Text(
        words.clean(record.said or words.waiting(record)),
        style if line.mark is Mark.FAILED else "",
    )
    return (
        mark,
        words.clean(line.title),
        words.between(record.started_at, record.ended_at or now),
        longest,
        str(record.attempts),
        said,
    )


def mark_sign(mark: Mark, signs: Signs) -> str:
    """One character, or two, for a line of the story."""
    return {
        Mark.DONE: signs.done,
        Mark.FAILED: signs.failed,
        Mark.CANCELED: signs.canceled,
        Mark.RUNNING: signs.running[0],
        Mark.TO_COME: signs.to_come,
        Mark.NOT_REACHED: signs.dash,
    }[mark]


def _splits(view: DeploymentView, zone: tzinfo | None) -> Table:
    table = _table("  confirmed at")
    table.add_column("generation", justify="right", no_wrap=True)
    table.add_column("confirmed in", justify="right", no_wrap=True)
    table.add_column("split", ratio=1)
    for split in sorted(view.splits, key=lambda s: s.generation):
        table.add_row(
            f"  {words.clock_time(split.confirmed_at, zone)}",
            str(split.generation),
            words.took(split.confirmed_at - split.requested_at),
            words.shares_words(split.shares),
        )
    return table


def _checks(view: DeploymentView, zone: tzinfo | None) -> Table:
    table = _table("  at", "step", "check", "verdict")
    table.add_column("what it found")
    table.add_column("figures")
    for check, times in _folded(sorted(view.checks, key=lambda c: c.at)):
        answer = check.answer
        verdict = f"{answer.verdict} {times}x" if times > 1 else str(answer.verdict)
        table.add_row(
            f"  {words.clock_time(check.at, zone)}",
            check.step,
            words.clean(answer.check),
            Text(verdict, VERDICT_STYLES[answer.verdict]),
            words.clean(answer.sentence),
            figures(answer.figures),
        )
    return table


def _folded(checks: list[CheckRecord]) -> Iterator[tuple[CheckRecord, int]]:
    """Of those in a row that said the same the last, and how many: a watch asks every second."""
    for _, same in groupby(checks, key=lambda c: (c.step, c.answer.check, c.answer.verdict)):
        alike = list(same)
        yield alike[-1], len(alike)


def figures(found: dict[str, float]) -> str:
    """`p99_ms 12.5, requests 340`."""
    return ", ".join(f"{name} {value:g}" for name, value in sorted(found.items()))
