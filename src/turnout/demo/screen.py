"""Where the demo's lines appear: colours and bars at a terminal, plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from turnout.demo.errors import ReaderGone
from turnout.demo.picture import Kind, Picture
from turnout.demo.telling import Line, Mood, format_shares
from turnout.model.servers import Role
from turnout.model.traffic import WHOLE
from turnout.model.units import format_share

_TIME, _LABEL, _BAR = 8, 12, 18
_GAP = 2
_NARROW = 60

_FAINT = "bright_black"
_STYLES: Mapping[Mood, str] = {
    Mood.PLAIN: "cyan",
    Mood.GOOD: "bold green",
    Mood.BAD: "bold red",
    Mood.BACK: "bold yellow",
}
_SHADES = ("green", "blue", "magenta")
"""Of the versions in a bar, the newest first; so are the marks."""

_MARKS, _PLAIN_MARKS = "█░▒", "#.="

_LOOKS: Mapping[str, int] = {Role.CANARY: 0, Role.BASELINE: 1, Role.PRODUCTION: 2}
"""Shade and mark of each kind, as in the bar above."""

_PLACES = 3
"""For the instances of a kind."""


class Screen:
    """Prints lines with the time since the demo began. Everything may raise `ReaderGone`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = datetime.now(UTC)
        is_unicode = console.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        self._marks = _MARKS if is_unicode else _PLAIN_MARKS
        self._live: Live | None = None

    def headline(self, text: str) -> None:
        """What comes next."""
        self._write(Text())
        self._print("", Text(text, "bold"), "")

    def say(self, label: str, text: str, mood: Mood = Mood.PLAIN) -> None:
        """One line about something that happens now."""
        self.tell(Line(datetime.now(UTC), label, text, mood))

    def tell(self, line: Line) -> None:
        """One line."""
        told = Text(_printable(line.text))
        if line.shares:
            told = self._draw(line.shares).append("  ").append(format_shares(line.shares))
            told.append(f"  {line.text}", _FAINT)
        elif line.mood is not Mood.PLAIN:
            told.stylize(_STYLES[line.mood])
        seconds = (line.at - self._begun).total_seconds()
        since = Text(f"{max(seconds, 0):.1f} s".rjust(_TIME), _FAINT)
        prefix = Text.assemble(since, " " * _GAP, (f"{line.label:<{_LABEL}}", _STYLES[line.mood]))
        self._print(prefix, told, " " * (_TIME + _GAP + _LABEL))

    def show(self, *parts: RenderableType, wraps: bool = True) -> None:
        """Anything else, as it is. In a pipe no line ends with blanks.

        Without `wraps` long lines are left to the terminal, so that they can be copied.
        """
        for part in parts:
            if self._console.is_terminal:
                self._write(part, wraps=wraps)
                continue
            with self._console.capture() as said:
                self._console.print(part)
            for line in said.get().splitlines():
                self._write(Text(line.rstrip()))

    def redraw(self, picture: Picture) -> bool:
        """Show it below everything else in place of the one before; false where that cannot be."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            return False
        with _reading():
            if self._live is None:
                self._live = Live(
                    console=self._console,
                    auto_refresh=False,
                    transient=True,
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._live.start()
            self._live.update(Group(Text(), *self._paint(picture)), refresh=True)
        return True

    def settle(self) -> None:
        """What is redrawn goes."""
        if self._live is not None:
            live, self._live = self._live, None
            with _reading():
                live.stop()

    def keep(self, picture: Picture) -> None:
        """Show it, to stay."""
        self.settle()
        for kind in picture.kinds:
            self._write(self._row(kind))

    def _paint(self, picture: Picture) -> list[Text]:
        prefix = self._prefix("judge", "cyan")
        judge = self._wrap(prefix, Text(_printable(picture.judge)), " " * len(prefix))
        return [*(self._row(kind) for kind in picture.kinds), *judge]

    def _row(self, kind: Kind) -> Text:
        look = _LOOKS.get(kind.name, len(_SHADES) - 1)
        mark, shade = self._marks[look], _SHADES[look]
        told = self._prefix(kind.name, shade)
        told.append(f"{' '.join(mark * min(kind.instances, _PLACES)):<{2 * _PLACES}}", shade)
        told.append(f"{kind.version:<4}").append(f"{format_share(kind.share):>5}  ", "bold")
        counted = f"{kind.failed:,} of {kind.requests:,} failed"
        told.append(counted, "bold red" if kind.failed else "")
        return told

    def _prefix(self, label: str, style: str) -> Text:
        return Text.assemble(" " * (_TIME + _GAP), (f"{label:<{_LABEL}}", style))

    def _print(self, prefix: Text | str, text: Text, indent: str) -> None:
        for line in self._wrap(prefix, text, indent):
            self._write(line)

    def _wrap(self, prefix: Text | str, text: Text, indent: str) -> list[Text]:
        """At the terminal's width, every line of it below the first word."""
        room = self._console.width - len(prefix)
        if not self._console.is_terminal or room < _NARROW - len(indent):
            return [Text.assemble(prefix, text)]
        lines = []
        for number, part in enumerate(text.wrap(self._console, room)):
            part.rstrip()
            lines.append(Text.assemble(indent if number else prefix, part))
        return lines

    def _write(self, part: RenderableType, *, wraps: bool = False) -> None:
        with _reading():
            self._console.print(part, soft_wrap=not wraps)

    def _draw(self, shares: Sequence[tuple[str, int]]) -> Text:
        """All shares side by side; any share above zero shows."""
        bar, drawn, begun = Text(), 0, 0
        for number, (_, share) in enumerate(shares):
            begun += share
            upto = max(round(begun * _BAR / WHOLE), drawn + 1)
            kind = min(number, len(_SHADES) - 1)
            bar.append(self._marks[kind] * (upto - drawn), _SHADES[kind])
            drawn = upto
        return bar


@contextmanager
def _reading() -> Iterator[None]:
    """Somebody reads what is written."""
    try:
        yield
    except (OSError, SystemExit):  # the latter is what Rich makes of a broken pipe
        raise ReaderGone from None


def _printable(text: str) -> str:
    """Text of strangers must not move the cursor."""
    return "".join(_visible(text))


def _visible(text: str) -> Iterable[str]:
    for character in text:
        yield character if character.isprintable() else " "
