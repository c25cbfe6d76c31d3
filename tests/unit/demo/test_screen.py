import io
import re
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from turnout.demo.picture import Kind, Picture
from turnout.demo.screen import Screen
from turnout.demo.telling import Line, Mood


class Out(io.StringIO):
    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override] # of a stream into a file
        return self._encoding


def draw(line: Line, *, terminal: bool = False, encoding: str = "utf-8", width: int = 200) -> str:
    out = Out(encoding)
    console = Console(
        file=out,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        width=width,
        markup=False,
        highlight=False,
        _environ={},
    )
    Screen(console).tell(line)
    return out.getvalue()


def line(text: str = "", *shares: tuple[str, int]) -> Line:
    return Line(datetime.now(UTC), "traffic", text, Mood.PLAIN, shares)


def bar_of(drawn: str, marks: str) -> str:
    found = re.search(f"[{marks}]+", drawn)
    assert found is not None
    return found[0]


def test_a_line_has_time_label_and_text_and_no_colour_in_a_pipe() -> None:
    assert re.fullmatch(
        r" {3}0\.\d s {2}traffic     confirmed in 8 ms\n", draw(line("confirmed in 8 ms"))
    )


def test_a_split_is_drawn_to_scale() -> None:
    drawn = draw(line("ok", ("version 3", 250), ("version 2", 750)))
    assert bar_of(drawn, "█░") == "█" * 4 + "░" * 14
    assert "version 3 25 %, version 2 75 %" in drawn


def test_the_smallest_share_shows() -> None:
    drawn = draw(line("ok", ("version 3", 1), ("version 2", 999)))
    assert bar_of(drawn, "█░") == "█" + "░" * 17


def test_a_stream_without_unicode_gets_plain_marks() -> None:
    drawn = draw(line("ok", ("version 3", 500), ("version 2", 500)), encoding="ascii")
    assert drawn.isascii()
    assert f"traffic     {'#' * 9}{'.' * 9}  version 3" in drawn


def test_colours_appear_at_a_terminal() -> None:
    assert "\x1b[32m" in draw(line("ok", ("version 3", 1000)), terminal=True)


def test_a_long_line_goes_on_below_its_first_word() -> None:
    drawn = draw(line("word " * 30), terminal=True, width=80)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn).splitlines()
    assert len(plain) > 1
    assert all(len(part) <= 80 for part in plain)
    assert all(part.startswith(" " * 22 + "word") for part in plain[1:])


def test_text_of_strangers_cannot_move_the_cursor() -> None:
    assert "\x1b" not in draw(line("warming\x1b[2Jup\nnow"))


def test_a_table_in_a_pipe_has_no_blanks_at_the_ends_of_its_lines() -> None:
    out = Out("utf-8")
    table = Table(box=None)
    table.add_column("version")
    table.add_column("requests")
    table.add_row("1", "1,200")
    Screen(Console(file=out, width=10_000, color_system=None)).show(table)
    assert all(part == part.rstrip() for part in out.getvalue().splitlines())
    assert "1,200" in out.getvalue()


PICTURE = Picture(
    (Kind("production", "v3", 2, 800, 1234, 0), Kind("canary", "v5", 2, 100, 160, 9)),
    "18s to go: errors 4.88% against 0.00%",
)


def console(out: Out, *, terminal: bool) -> Console:
    return Console(
        file=out,
        force_terminal=terminal,
        width=80,
        markup=False,
        highlight=False,
        _environ={"TERM": "xterm"},
    )


def test_the_kinds_of_a_canary_are_drawn_with_their_instances_and_shares() -> None:
    out = Out("utf-8")
    Screen(console(out, terminal=False)).keep(PICTURE)
    assert out.getvalue().splitlines() == [
        "          production  ▒ ▒   v3   80 %  0 of 1,234 failed",
        "          canary      █ █   v5   10 %  9 of 160 failed",
    ]


def test_a_picture_is_redrawn_at_a_terminal_only() -> None:
    pipe = Out("utf-8")
    assert not Screen(console(pipe, terminal=False)).redraw(PICTURE)
    assert pipe.getvalue() == ""
    out = Out("utf-8")
    screen = Screen(console(out, terminal=True))
    assert screen.redraw(PICTURE)
    assert "18s to go" in out.getvalue()
    screen.settle()
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1
