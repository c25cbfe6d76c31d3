"""Waiting for a deployment, at the terminal, in a pipe or for a program; what its end means."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.console import RenderableType
from rich.live import Live

from turnout.cli import asking, operating
from turnout.cli.answers import DeploymentView, read_answer
from turnout.cli.client import Client
from turnout.cli.errors import CommandError, Unreachable
from turnout.cli.exits import OF_STATUS, Exit
from turnout.cli.following import News, Snapshot, follow, listening
from turnout.cli.invocation import Invocation
from turnout.cli.views.lines import ProgressLines
from turnout.cli.views.live import LiveView
from turnout.cli.views.record import question_view
from turnout.model.deployment import Choice, Status
from turnout.model.journal import DeploymentRecord, Event, Question

_PICTURE = 0.1
_LINE = 0.25

_JOURNALED = ("deployment.", "step.", "split.", "check.")
"""Kinds of events that the journal tells as well."""


def await_end(
    call: Invocation,
    client: Client,
    record: DeploymentRecord,
    *,
    wished: Collection[Status] = (),
    answered: datetime | None = None,
) -> Exit:
    """Show a deployment's progress until it ends, and its final record with `-o json`.

    An end in `wished` is a success; a question asked at `answered` has its answer.
    Raises `CommandError` when the person interrupts or the server stays away.
    """
    try:
        with listening(client, record.request.cluster) as news:
            last = _Watch(call, client, record, news, answered).until_it_ends()
    except KeyboardInterrupt:
        raise _interrupted(record, bool(wished)) from None
    except Unreachable as error:
        raise _left_alone(record, error) from error
    ended = last.view.record
    if call.is_json:
        call.say_json(last.document["record"])
        operating.refuse(call, ended)
    elif ended.status.is_end and OF_STATUS[ended.status] and ended.status not in wished:
        call.say(f"More: turnout show {ended.id}")
    return exit_of(ended, wished)


def exit_of(record: DeploymentRecord, wished: Collection[Status] = ()) -> Exit:
    """The exit code for how a deployment stands; one that has not ended is waiting for a person."""
    if record.status in wished:
        return Exit.SUCCESS
    return OF_STATUS.get(record.status, Exit.FAILED)


@dataclass(slots=True)
class _Watch:
    """Shows one deployment; knows which question a person has answered."""

    call: Invocation
    client: Client
    record: DeploymentRecord
    news: News
    answered: datetime | None

    def until_it_ends(self) -> Snapshot:
        """The last snapshot: of the end, or of a question that nobody here can answer."""
        if not self.call.is_live:
            return self._print_lines()
        while True:
            last = self._draw_pictures()
            question = self._open_question(last)
            if question is None or not self.call.is_interactive or not self._ask(question):
                return last

    def _print_lines(self) -> Snapshot:
        call = self.call
        console = call.error_console() if call.is_json else call.console()
        lines = ProgressLines(call.surroundings.zone)
        for last in self._snapshots(state=False, tick=_LINE):
            now = call.surroundings.now()
            told = (
                *lines.connection(last.lost, now),
                *self._others(lines),
                *lines.news(last.view, now),
                *lines.ahead(last.view, last.cluster, now),
            )
            for line in told:
                console.print(line)
            question = self._open_question(last)
            if question and not _goes_on_by_itself(question):
                console.print(question_view(last.view.record.id, question, now, lines.zone))
                return last
        return last

    def _draw_pictures(self) -> Snapshot:
        """Until the end, or until a person is asked something."""
        zone, console = self.call.surroundings.zone, self.call.console()

        def surplus(drawn: RenderableType) -> int:
            return len(console.render_lines(drawn)) - console.size.height

        picture, notes = LiveView(self.call.signs, zone, self.call.url), ProgressLines(zone)
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            for last in self._snapshots(state=True, tick=_PICTURE):
                now = self.call.surroundings.now()
                for line in (*self._others(notes), *notes.ahead(last.view, last.cluster, now)):
                    live.console.print(line)
                drawn = picture.draw(last.view, last.cluster, now, surplus=surplus, lost=last.lost)
                live.update(drawn, refresh=True)
                question = self._open_question(last)
                if question:
                    break
        if question:
            console.print()
            console.print(question_view(last.view.record.id, question, now, zone))
        return last

    def _snapshots(self, *, state: bool, tick: float) -> Iterator[Snapshot]:
        return follow(
            self.client,
            self.record.id,
            self.news,
            cluster=self.record.request.cluster,
            state=state,
            tick=tick,
            patience=self.call.surroundings.patience,
        )

    def _others(self, lines: ProgressLines) -> Iterator[str]:
        """What happened beside the steps: an instance died, the router came back."""
        while self.news.messages:
            message = self.news.messages.popleft()
            if message.event.startswith(_JOURNALED):
                continue
            try:
                event = Event.model_validate_json(message.data, extra="ignore")
            except ValueError:
                continue  # an event of a newer server; the steps are told all the same
            if event.at >= self.record.request.requested_at:
                yield lines.line(event.at, "event", event.sentence)

    def _open_question(self, snapshot: Snapshot) -> Question | None:
        """What is asked and was not answered: the journal may be a moment behind the answer."""
        question = snapshot.view.record.question
        return question if question and question.asked_at != self.answered else None

    def _ask(self, question: Question) -> bool:
        """Ask the person at the terminal. False when nobody is there any more."""
        choices = [str(choice) for choice in question.choices]
        choice = asking.choose(self.call, choices, lambda: self._is_settled(question))
        if choice is None:
            return self._is_settled(question)
        body = {"choice": choice, "by": self.call.surroundings.user(), "comment": ""}
        try:
            self.client.answer(self.record.id, body)
        except CommandError as error:
            if error.exit_code is not Exit.REFUSED:
                raise
            self.call.error_console().print(error.message)  # somebody else was first
        self.answered = question.asked_at
        return True

    def _is_settled(self, question: Question) -> bool:
        try:
            view = read_answer(DeploymentView, self.client.deployment(self.record.id))
        except Unreachable:
            return False  # it may come back while the person thinks
        asked = view.record.question
        return asked is None or asked.asked_at != question.asked_at


def _goes_on_by_itself(question: Question) -> bool:
    """A stuck way back is tried again every minute whether or not anybody answers."""
    return question.default is Choice.RETRY


def _left_alone(record: DeploymentRecord, error: Unreachable) -> Unreachable:
    return Unreachable(
        f"{error.message} {record.id} goes on in the server when that is back.",
        f"Follow it then: turnout show {record.id} --follow",
        error.exit_code,
        code=error.code,
    )


def _interrupted(record: DeploymentRecord, is_going_back: bool) -> CommandError:
    back = "" if is_going_back else f" Take it back: turnout cancel {record.id}"
    return CommandError(
        f"You stopped waiting; {record.id} goes on in the server.",
        f"Follow it: turnout show {record.id} --follow.{back}",
        Exit.INTERRUPTED,
        code="interrupted",
    )
