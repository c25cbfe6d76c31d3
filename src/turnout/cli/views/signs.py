"""Marks and bars, in Unicode where the stream can carry it and in ASCII where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

WHOLE = 1000


@dataclass(frozen=True, slots=True)
class Signs:
    """One set of marks."""

    done: str
    failed: str
    running: tuple[str, ...]
    """Frames of something that is going on."""
    to_come: str
    canceled: str
    paused: str
    full: str
    empty: str
    dot: str
    dash: str
    steps: str
    """From empty to full, for a line of many small bars."""


UNICODE = Signs("✓", "✗", tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"), "·", "⊘", "?", "█", "░", "●", "—", "▁▂▃▄▅▆▇█")
ASCII = Signs("ok", "x", tuple("|/-\\"), ".", "-", "?", "#", ".", "*", "-", "_.-=^#")


def signs_for(encoding: str) -> Signs:
    """The set that a stream of this encoding can carry."""
    return UNICODE if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else ASCII


def spark_line(values: Sequence[float | None], top: float, width: int, signs: Signs) -> str:
    """Averages as small bars from 0 to `top`; a blank where nothing is known."""
    size = max(len(values) / width, 1.0)
    cells = []
    for n in range(min(width, len(values))):
        known = [v for v in values[int(n * size) : int((n + 1) * size)] if v is not None]
        part = sum(known) / len(known) / top if known and top > 0 else 0.0
        last = len(signs.steps) - 1
        cells.append(signs.steps[min(max(round(part * last), 0), last)] if known else " ")
    return "".join(cells)


def share_bar(share: float, width: int, style: str, signs: Signs) -> Text:
    """One group's share of the whole; any share above zero shows."""
    cells = round(share * width / WHOLE)
    cells = max(cells, 1) if share > 0 else 0
    cells = min(cells, width - 1) if share < WHOLE else width
    return Text.assemble(
        (signs.full * cells, style), (signs.empty * (width - cells), "bright_black")
    )


@dataclass(frozen=True, slots=True)
class SplitBar:
    """A split as a bar, `longest` cells wide where there is room."""

    parts: Sequence[tuple[float, str]]
    longest: int
    signs: Signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(min(self.longest, options.max_width), 1)
        yield split_bar(self.parts, width, self.signs)


def split_bar(parts: Sequence[tuple[float, str]], width: int, signs: Signs) -> Text:
    """All shares side by side: (per mille, style) for each. Without any share the bar is empty."""
    total = sum(share for share, _ in parts)
    if total <= 0:
        return Text(signs.empty * width, "bright_black")
    bar, begun, drawn = Text(), 0.0, 0
    for share, style in parts:
        begun += share
        upto = round(begun * width / total)
        bar.append(signs.full * (upto - drawn), style)
        drawn = upto
    return bar
