"""Does what the README tells, word for word but for the ports."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import choose_port, ports_setting
from turnout import processes
from turnout.documents.service import read_service

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

WITHIN = 180
"""Seconds for one command. On an idle machine none takes 20."""

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_CURL = "curl -s "
"""Not every machine has it; then the test asks in its place."""

_PLUG = "kill -9 $(pgrep -f 'turnout server')"


@dataclass(frozen=True)
class Block:
    mark: str
    kind: str
    text: str


def blocks() -> list[Block]:
    return [Block(m["mark"] or "", m["kind"], m["text"]) for m in _BLOCK.finditer(README)]


def walk() -> list[Block]:
    return [block for block in blocks() if block.mark.startswith("walk")]


def test_every_command_of_the_readme_is_tried() -> None:
    """By the walk below, but for the two that run this very test and the demo (tests/e2e)."""
    others = [b.text.strip() for b in blocks() if b.kind == "sh" and b not in walk()]
    assert others == ["scripts/demo", "scripts/test"]
    assert all(os.access(ROOT / script, os.X_OK) for script in others)


def test_what_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https://)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_commands_and_options_in_the_text_exist() -> None:
    said = set(re.findall(r"(?<!docs/)`(?:turnout |scripts/demo )?(--[a-z-]+)", README))
    helps = "".join(
        subprocess.check_output([sys.executable, "-m", "turnout", command, "--help"], text=True)
        for command in ("server", "deploy", "demo", "status", "logs", "show")
    )
    assert said
    assert {option for option in said if option not in helps} == set()


def test_the_service_of_the_walk_takes_ten_lines() -> None:
    (file,) = (block for block in walk() if block.kind == "yaml")
    assert len(file.text.splitlines()) <= 10
    read_service(file.text, folder=ROOT, name="service.yaml")


@dataclass
class Walk:
    """A folder in which commands are typed, with a Turnout of its own."""

    folder: Path
    port: int
    environment: dict[str, str]
    server: subprocess.Popen[bytes] | None = None

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(self.mine(text))

    def mine(self, text: str) -> str:
        return text.replace("8090", str(self.port))

    def start(self, command: str) -> None:
        if self.server is not None:
            self.server.wait()
        said = self.folder / "server.out"
        with said.open("w") as out:
            self.server = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + WITHIN
        while "Turnout is ready at" not in said.read_text():
            assert self.server.poll() is None and time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)

    def type(self, line: str) -> None:
        command, _, expected = line.partition("  # ")
        if command == _PLUG:
            self.pull_the_plug()
        elif command.startswith(_CURL) and not shutil.which("curl"):
            with urllib.request.urlopen(self.mine(command.removeprefix(_CURL))) as answer:
                assert expected.strip() in answer.read().decode()
        else:
            self.run(command, expected)

    def run(self, command: str, expected: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.mine(command)],
            check=False,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if expected:
            assert done.stdout.strip() == expected.strip(), command

    def pull_the_plug(self) -> None:
        """As the README says, but sparing the servers of others."""
        assert self.server is not None
        if shutil.which("pgrep"):
            found = subprocess.check_output(["pgrep", "-f", "turnout server"], text=True)
            assert str(self.server.pid) in found.split()
        self.server.kill()

    def end(self) -> None:
        """Leave nothing running, however far the walk came."""
        if self.server is not None and self.server.poll() is None:
            self.server.kill()
            self.server.wait()
        for note in (self.folder / "data").rglob("launch"):
            process = processes.recall(note.parent)
            if process is not None and process.service is not None:
                process.signal(signal.SIGKILL)
            while process is not None and process.is_alive():
                time.sleep(0.05)


@pytest.fixture
def walker() -> Iterator[Walk]:
    # Not pytest's own folder: paths of sockets must be short.
    folder = Path(tempfile.mkdtemp(prefix="tr-"))
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    api, port = choose_port(), choose_port()
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "TURNOUT_DATA": str(folder / "data"),
        "TURNOUT_LISTEN": f"127.0.0.1:{api}",
        "TURNOUT_PORTS": ports_setting(),
        "TURNOUT_SERVER": f"http://127.0.0.1:{api}",
    }
    walk = Walk(folder, port, environment)
    try:
        yield walk
    finally:
        walk.end()
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.timeout(900)  # many commands, each a program to start
def test_a_service_of_your_own_works_as_the_readme_tells(walker: Walk) -> None:
    for block in walk():
        if block.kind == "yaml":
            walker.write(block.mark.removeprefix("walk: "), block.text)
            continue
        for line in block.text.splitlines():
            if "background" in block.mark:
                walker.start(line)
            else:
                walker.type(line)
