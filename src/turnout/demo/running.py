"""One demo from beginning to end: whatever happens, nothing is left behind."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from turnout.demo.acts import LEISURELY, QUICK, build_acts, build_good_file
from turnout.demo.errors import DemoFailed, ReaderGone
from turnout.demo.lingering import linger
from turnout.demo.outcome import Result, broken_promises, reason, verdict
from turnout.demo.ports import choose_shop_port, is_free
from turnout.demo.screen import Screen
from turnout.demo.server import DemoServer
from turnout.demo.show import play
from turnout.demo.stage import Stage, beside
from turnout.demo.table import build_table
from turnout.demo.telling import Mood
from turnout.demo.workspace import open_workspace

AS_PROMISED, OTHERWISE, FAILED, INTERRUPTED = 0, 1, 3, 130
"""Exit codes. 0 also when a person ends what was left running after a good show."""

TITLE = "Turnout demo: six versions of a small shop, under load. Two of them are broken."

TIMES = (
    "Time to switch: from asking the router until it has proven that the change is in force. "
    "Time to roll back: from noticing the failures until that proof."
)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(console: Console, *, leave: bool, quick: bool) -> int:
    """Play the show; `leave` ends it there, otherwise everything goes on until Ctrl-C.

    `quick` is the smoke test: hardly a pause. Returns the exit code, when all has been stopped.
    """
    with asyncio.Runner() as runner:
        return runner.run(_run(Screen(console), leave=leave, quick=quick))


async def _run(screen: Screen, *, leave: bool, quick: bool) -> int:
    with _interruptible() as interruption:
        try:
            with open_workspace() as workspace:
                stage = Stage(
                    screen, workspace, DemoServer(workspace), choose_shop_port(usual=not quick)
                )
                code, complaints = await _demo(stage, interruption, leave=leave, quick=quick)
        except DemoFailed as error:
            screen.show(Text(), Text.assemble(("The demo failed: ", "bold red"), error.message))
            screen.show(Text("The last words of the server:" if error.details else ""))
            screen.show(*(Text(f"    {line}") for line in error.details), wraps=False)
            return FAILED
    if workspace.folder.exists():
        complaints += (f"{workspace.folder} is still there",)
    for complaint in complaints:
        _say(screen, f"not as promised: {complaint}", Mood.BAD)
    if complaints:
        return max(code, OTHERWISE)
    _say(screen, "stopped: no process, no port and no file is left")
    return code


async def _demo(
    stage: Stage, interruption: _Interruption, *, leave: bool, quick: bool
) -> tuple[int, tuple[str, ...]]:
    """Play, linger, stop: the exit code, and what was wrong with the end. Raises `DemoFailed`."""
    code = INTERRUPTED
    complaints: tuple[str, ...] = ()
    try:
        stage.screen.show(Text(TITLE, "bold"))
        await stage.start_server()
        result = await beside(_play(stage, quick=quick), stage.tend_server())
        code = OTHERWISE if _tell(stage.screen, result) else AS_PROMISED
        if not leave:
            await beside(linger(stage), stage.tend_server())
    except DemoFailed as error:
        raise DemoFailed(error.message, stage.server.read_last_lines()) from error
    except (asyncio.CancelledError, ReaderGone):
        if code == INTERRUPTED:
            _say(stage.screen, "interrupted", Mood.BACK)
    finally:
        interruption.is_over = True
        complaints = await _stop(stage)
    return code, complaints


async def _play(stage: Stage, *, quick: bool) -> Result:
    pace = QUICK if quick else LEISURELY
    result = await play(stage, build_acts(pace, python=sys.executable, port=stage.port), pace)
    good = build_good_file(pace, python=sys.executable, port=stage.port)
    stage.workspace.service_file.write_text(good)
    return result


def _tell(screen: Screen, result: Result) -> bool:
    """The table and the verdict; whether a promise was broken."""
    screen.show(Text(), build_table(result), Text(), Text(TIMES, "bright_black"), Text())
    broken = broken_promises(result)
    style = "bold red" if broken else "bold green"
    screen.show(*(Text(sentence, style) for sentence in verdict(result)))
    screen.show(Text(), Text(reason(result)))
    screen.show(*(Text(f"Not as promised: {promise}.", "bold red") for promise in broken))
    return bool(broken)


async def _stop(stage: Stage) -> tuple[str, ...]:
    """Stop everything and look whether anything is left; what was, in words."""
    _say(stage.screen, "stopping everything")
    complaints = await stage.server.stop()
    return complaints if is_free(stage.port) else (*complaints, f"port {stage.port} is still taken")


def _say(screen: Screen, text: str, mood: Mood = Mood.PLAIN) -> None:
    """While stopping, also when nobody can read it any more."""
    with suppress(ReaderGone):
        screen.say("end", text, mood)


@dataclass(slots=True)
class _Interruption:
    """What a signal does: the first one cancels the task, unless it clears up already."""

    task: asyncio.Task[object]
    is_over: bool = False

    def come(self) -> None:
        """A signal."""
        if not self.is_over:
            self.is_over = True
            self.task.cancel()


@contextmanager
def _interruptible() -> Iterator[_Interruption]:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101 - called in a task
    interruption = _Interruption(task)
    for number in _SIGNALS:
        loop.add_signal_handler(number, interruption.come)
    try:
        yield interruption
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
