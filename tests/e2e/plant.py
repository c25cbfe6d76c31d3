"""A whole Turnout on a folder of its own: started, killed in part, started again, ended, looked
over.

The processes of a plant are known by its folder: each of them runs in it, or was called or told so.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.ports import choose_port, is_taken, ports_setting
from turnout import processes

READY = "Turnout is ready at "
PATIENCE = 60.0
"""Seconds; generous, the machine may be slow. Nothing is measured against it."""

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop" / "app.py"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class PlantError(AssertionError):
    """The server did not do what a server must, in words, with the end of its log."""


@dataclass(frozen=True, slots=True)
class Found:
    """A process of the plant."""

    pid: int
    command: str


class Plant:
    """One data folder and the server on it. Not before `start` does anything run."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="turnout-e2e-"))
        self.data = self.folder / "data"
        self.services = self.folder / "services"
        self.services.mkdir()
        shutil.copyfile(SHOP, self.services / "app.py")
        self.log = self.folder / "server.log"
        self.address = f"127.0.0.1:{choose_port()}"
        self.kills = 0
        self._settings = dict(settings or {})
        self._killed_temporal: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://{self.address}"

    @property
    def pid(self) -> int:
        """The server: API, worker, provider and watchers in one process."""
        assert self._process is not None
        return self._process.pid

    def command(self) -> list[str]:
        """What starts the server."""
        return [
            *(sys.executable, "-m", "turnout", "server", "--stop-everything"),
            *("--data", str(self.data), "--listen", self.address, "--log-format", "json"),
        ]

    def environment(self) -> dict[str, str]:
        """Ours without settings of another Turnout."""
        own = {n: v for n, v in os.environ.items() if not n.startswith("TURNOUT_")}
        return {**own, "TURNOUT_PORTS": ports_setting(), **self._settings}

    def launch(self) -> None:
        """Start the server, without waiting for anything."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - made before any thread
            )

    async def start(self) -> float:
        """Start the server and wait until it says that it is ready; how many seconds that took."""
        said, began = self._times_ready(), time.monotonic()
        self.launch()
        process = self._process
        assert process is not None

        def is_ready() -> bool:
            if process.poll() is not None:
                raise PlantError(f"the server ended with {process.returncode}\n{self.last_words()}")
            return self._times_ready() > said

        await until(is_ready, "the server is ready", say=self.last_words)
        return time.monotonic() - began

    def is_up(self) -> bool:
        """Whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    def kill_server(self) -> None:
        """SIGKILL, as a pulled plug for the control plane."""
        assert self._process is not None
        self.kills += 1
        self._process.kill()
        self._process.wait()

    def temporal_pid(self) -> int:
        """The embedded Temporal."""
        return _pid(processes.adopt(self.data / "temporal"), "Temporal")

    def has_temporal(self) -> bool:
        """Whether a Temporal runs that has not been killed yet, ready or not."""
        found = processes.adopt(self.data / "temporal")
        return found is not None and found.pid not in {None, self._killed_temporal}

    def kill_temporal(self) -> None:
        """SIGKILL; the server starts it again."""
        self._killed_temporal = self.temporal_pid()
        self.kill(self._killed_temporal)

    def envoy_pid(self) -> int:
        """The router itself."""
        return _pid(processes.adopt(self.data / "router" / "envoy"), "Envoy")

    def envoy_shim_pid(self) -> int:
        """The supervisor of the router."""
        found = processes.adopt(self.data / "router" / "envoy")
        assert found is not None, "Envoy does not run"
        return found.shim.pid

    def kill(self, pid: int) -> None:
        """SIGKILL to one process."""
        self.kills += 1
        os.kill(pid, signal.SIGKILL)

    async def stop(self) -> list[str]:
        """Have the server end and stop everything; what it left behind, in words."""
        process = self._process
        if process is None:
            return []
        complaints = []
        listening = self._listening()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(process.wait, PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = await asyncio.to_thread(process.wait)
            complaints.append(f"the server did not end within {PATIENCE:g} s\n{self.last_words()}")
        if code != 0:
            complaints.append(f"the server ended with {code}\n{self.last_words()}")
        complaints += [f"a process was left: {p.pid} {p.command}" for p in self.find()]
        complaints += [f"port {port} is still taken" for port in listening if is_taken(port)]
        return complaints + self._stray_files()

    def keep_log(self) -> None:
        """Copy the server's log to the folder that TURNOUT_E2E_LOGS names, if it names one."""
        kept = os.environ.get("TURNOUT_E2E_LOGS")
        if kept and self.log.exists():
            shutil.copyfile(self.log, Path(kept) / f"{self.folder.name}.log")

    def remove(self) -> None:
        """End by force what still runs, and remove the folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for _ in range(20):
            left = self.find()
            for found in left:
                _kill_quietly(found.pid)
            if not left:
                break
        shutil.rmtree(self.folder, ignore_errors=True)

    def find(self, word: str = "") -> list[Found]:
        """Every process of the plant that runs (and that has this word in its command or
        environment)."""
        mine = str(self.folder)
        found = []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                command = " ".join(process.cmdline())
                traces = [command, process.cwd(), *(process.environ().values())]
            except psutil.Error:
                continue
            if any(mine in trace for trace in traces) and (
                not word or any(word in trace for trace in traces)
            ):
                found.append(Found(process.pid, command))
        return found

    def last_words(self, lines: int = 30) -> str:
        """The end of the server's log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def _times_ready(self) -> int:
        return self.log.read_text(errors="replace").count(READY) if self.log.exists() else 0

    def _listening(self) -> set[int]:
        found = set()
        for process in self.find():
            try:
                for connection in psutil.Process(process.pid).net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN:
                        found.add(connection.laddr.port)
            except psutil.Error:
                continue
        return found

    def _stray_files(self) -> list[str]:
        """Half-written files, sockets and a lock that is still held."""
        found = []
        for path in self.data.rglob("*"):
            if path.suffix in {".new", ".tmp"}:
                found.append(f"a file was left: {path.relative_to(self.data)}")
            elif path.is_socket():
                found.append(f"a socket was left: {path.relative_to(self.data)}")
        if (self.data / "lock").read_text():
            found.append("the lock names a holder")
        here = {path.name for path in self.services.iterdir()} - {"app.py", "__pycache__"}
        found += [f"a file was left with the service: {name}" for name in sorted(here)]
        return found


async def until(
    holds: Callable[[], bool],
    what: str,
    *,
    within: float = PATIENCE,
    say: Callable[[], object] = lambda: "",
) -> None:
    """Wait until something holds; at the deadline, say what was waited for and what is."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise PlantError(f"not within {within:g} s: {what}\n{say()}")
        await asyncio.sleep(0.02)


def _pid(process: processes.Process | None, name: str) -> int:
    pid = None if process is None else process.pid
    assert pid is not None, f"{name} does not run"
    return pid


def _kill_quietly(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _end_with_parent() -> None:
    """Should the tests be killed, the server stops everything."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
