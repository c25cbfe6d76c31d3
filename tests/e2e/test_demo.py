import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "turnout", "demo")

# Those that see a canary promoted are made alone: by the configuration that is built in latency is
# judged too, and beside other tests there would be seconds that say nothing about it.

WITHIN = 200.0
"""Seconds. On an idle machine the quick show takes less than 60."""


@dataclass
class Demo:
    """A running `turnout demo` with a folder for temporary files of its own."""

    process: subprocess.Popen[bytes]
    folder: Path
    output: Path

    def text(self) -> str:
        return self.output.read_text()

    def await_text(self, wanted: str) -> None:
        self._await(lambda: wanted in self.text(), wanted)

    def await_end(self) -> int:
        self._await(lambda: self.process.poll() is not None, "its end")
        return self.process.wait()

    def processes(self) -> list[psutil.Process]:
        """Whatever runs in the folder, or was started with a path in it."""
        return [p for p in psutil.process_iter() if belongs(p, str(self.folder))]

    def server(self) -> psutil.Process:
        """The oldest: what it is about to start looks like it for a moment."""
        found = [p for p in self.processes() if belongs(p, "--stop-everything")]
        return min(found, key=lambda process: process.create_time())

    def await_no_process(self) -> None:
        self._await(lambda: not self.processes(), "no process to be left")

    def _await(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WITHIN
        while not holds():
            running = self.process.poll() is None or what.startswith("no process")
            if time.monotonic() > deadline or not (running or holds()):
                raise AssertionError(f"waited in vain for {what}:\n{self.text()}")
            time.sleep(0.05)


def belongs(process: psutil.Process, folder: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE and (
            process.cwd().startswith(folder) or any(folder in part for part in process.cmdline())
        )
    return False


@pytest.fixture
def start() -> Iterator[Callable[..., Demo]]:
    begun: list[Demo] = []

    def start_demo(
        *options: str,
        command: tuple[str, ...] = COMMAND,
        terminal: int | None = None,
        out: int | None = None,
    ) -> Demo:
        # Not pytest's own folder: paths of sockets must be short.
        folder = Path(tempfile.mkdtemp(prefix="td-"))
        output = folder.with_suffix(".out")
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*command, "--quick", *options],
                env=os.environ | {"TMPDIR": str(folder), "LANG": "C.UTF-8", "TERM": "xterm"},
                stdin=terminal,
                stdout=file if out is None else out,
                stderr=subprocess.STDOUT,
            )
        begun.append(Demo(process, folder, output))
        return begun[-1]

    yield start_demo
    for demo in begun:
        demo.process.kill()
        demo.process.wait()
        for process in demo.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        shutil.rmtree(demo.folder, ignore_errors=True)
        demo.output.unlink()


def excerpt_of_readme() -> set[str]:
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"<!-- output of the demo -->\n```text\n(.*?)\n```", readme, re.DOTALL)
    assert found is not None
    return shapes(found[1]) - {"..."}


def shapes(text: str) -> set[str]:
    """The lines without what differs from run to run: figures, their units and the blanks."""
    text = re.sub(r"\d[\d,.]*( ?m?s\b)?", "N", text)
    return {" ".join(line.split()) for line in text.splitlines()}


FALSE_ALARM = {
    "Not as promised: version 5 should have succeeded, and been rolled back.",
    "Not as promised: version 5 should have all users now.",
}


def played(show: Callable[[], Demo]) -> Demo:
    """The show as a demo brings it. Of a hundred canaries that are fine one may be alarmed on, by
    design: when that, and nothing else, was not as promised, it is shown once more."""
    demo = show()
    told = set(re.findall(r"^Not as promised: .*", demo.text(), re.MULTILINE))
    return show() if told == FALSE_ALARM else demo


def require_nothing_left(demo: Demo) -> None:
    assert demo.processes() == []
    assert list(demo.folder.iterdir()) == []


@pytest.mark.alone
def test_the_show_keeps_its_promises_and_leaves_nothing_behind(
    start: Callable[..., Demo],
) -> None:
    """The first command of the README, whose excerpt is what is really said."""

    def show() -> Demo:
        demo = start("--exit", command=(str(ROOT / "scripts" / "demo"),))
        demo.await_end()
        return demo

    demo = played(show)
    text = demo.text()
    assert demo.process.returncode == 0, text
    require_nothing_left(demo)
    assert excerpt_of_readme() - shapes(text) == set()
    assert re.search(
        r"\n0 of [\d,]+ requests lost through Turnout\.\n"
        r"Version 4, by blue/green: [1-9]\d* of [\d,]+ users harmed, found after [\d.]+ m?s, "
        r"traffic back [\d.]+ m?s later\.\n"
        r"Version 6, by canary: [1-9]\d* of [\d,]+ users harmed, found after [\d.]+ m?s, "
        r"traffic back [\d.]+ m?s later\.\n"
        r"\nWhy version 6 was taken back: Failed after .* s\. Errors: .* chance alone would show "
        r"this less than once in [\d,]+ canaries\.",
        text,
    ), text
    assert re.search(r"\n3 +rolling blue/green +0 % +[\d,]+ +0 +4 steps, \d+ ms +-\n", text), text
    assert re.search(r"\n5 +canary +100 % +[\d,]+ +0 +3 steps, \d+ ms +-\n", text), text
    assert re.search(r"\n6 +canary +gone +\d+ +\d+ +\d+ ms +[\d.]+ m?s\n", text), text
    assert re.search(r"\n4 +blue/green +gone +\d+ +\d+ +\d+ ms +[\d.]+ m?s\n", text), text
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_ctrl_c_in_the_middle_of_the_show_stops_everything(start: Callable[..., Demo]) -> None:
    demo = start("--exit")
    demo.await_text("2 instances of version 2")
    demo.process.send_signal(signal.SIGINT)
    assert demo.await_end() == 130, demo.text()
    require_nothing_left(demo)
    assert "interrupted" in demo.text()


@pytest.mark.alone
def test_what_is_left_running_survives_the_plug_and_ends_on_request(
    start: Callable[..., Demo],
) -> None:

    def show() -> Demo:
        demo = start()
        demo.await_text("Ctrl-C here stops everything")
        return demo

    demo = played(show)
    assert f"kill -9 {demo.server().pid} " in demo.text()
    demo.server().kill()
    demo.await_text("started again")
    demo.process.send_signal(signal.SIGTERM)
    assert demo.await_end() == 0, demo.text()
    require_nothing_left(demo)
    assert re.search(r"meanwhile [\d,]+ requests, 0 failed\n", demo.text()), demo.text()
    assert re.search(r"[\d,]+ requests, 0 failed, p99 .* since the show\n", demo.text())


def test_a_deployment_goes_on_after_the_plug_was_pulled(start: Callable[..., Demo]) -> None:
    demo = start("--exit")
    demo.await_text("v3 10 %")
    demo.server().kill()
    demo.await_text("version 3 serves")
    demo.process.send_signal(signal.SIGINT)
    assert demo.await_end() == 130, demo.text()
    require_nothing_left(demo)
    assert re.search(r"meanwhile [\d,]+ requests, 0 failed\n", demo.text()), demo.text()


def test_a_killed_demo_takes_its_processes_along(start: Callable[..., Demo]) -> None:
    demo = start()
    demo.await_text("2 instances of version 2")
    assert demo.processes()
    demo.process.kill()
    demo.await_no_process()


def test_a_reader_that_goes_away_ends_the_demo(start: Callable[..., Demo]) -> None:
    read, write = os.pipe()
    demo = start(out=write)
    os.close(write)
    os.read(read, 1)
    os.close(read)
    assert demo.await_end() == 130
    require_nothing_left(demo)


def test_a_terminal_that_is_closed_ends_the_demo(start: Callable[..., Demo]) -> None:
    ours, theirs = os.openpty()
    demo = start(command=("setsid", "--ctty", *COMMAND), terminal=theirs, out=theirs)
    os.close(theirs)
    said = b""
    while b"version 1 serves" not in said:
        said += os.read(ours, 1000)
    os.close(ours)
    assert demo.await_end() == 130
    require_nothing_left(demo)


def test_an_installed_turnout_brings_the_shop_along(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "installed", "zip")
    ask = "from turnout.demo.workspace import find_app; print(find_app())"
    found = subprocess.check_output(
        [sys.executable, "-c", ask],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path,
        text=True,
    )
    app = Path(found.strip())
    assert app.is_relative_to(tmp_path)
    assert app.read_bytes() == (ROOT / "examples" / "shop" / "app.py").read_bytes()
