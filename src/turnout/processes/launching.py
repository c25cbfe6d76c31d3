"""Starting a process under its shim, and finding it again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from turnout.processes import identity, records
from turnout.processes.identity import MARK, Identity
from turnout.processes.process import Process
from turnout.processes.records import LaunchRecord, ProcessRecord

_SHIM = Path(__file__).with_name("shim.sh")
_SHELL = "/bin/sh"
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ALL_SIGNALS = tuple(s for s in signal.valid_signals() if s not in {signal.SIGKILL, signal.SIGSTOP})


def launch(
    folder: Path,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
) -> Process:
    """Start a command that outlives us, in a session of its own, its output appended to `log`.

    It gets exactly this environment (and TURNOUT_PROCESS), no file of ours, and every signal in its
    default state. Returns at once: a command that cannot be run ends with 126 or 127 and says why
    in the log. Call it in the event loop's thread, so that the ended shim is reaped.
    Raises `FileExistsError` while an earlier process of the folder runs, and `OSError` when the
    machine has no room for another process or file.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if adopt(folder) is not None:
        raise FileExistsError(f"a process of {folder} runs already")
    mark = secrets.token_hex(8)
    records.record_launch(folder, LaunchRecord(mark, identity.observe_boot()))
    shell, others = _split(environment)
    prefix = ["env", *(f"{name}={value}" for name, value in others.items())] if others else []
    pid = os.posix_spawn(
        _SHELL,
        [_SHELL, str(_SHIM), str(folder.resolve()), mark, str(cwd.absolute()), *prefix, *command],
        {**shell, MARK: mark},
        file_actions=_file_actions(log.absolute()),
        setsid=True,
        setsigmask=(),
        setsigdef=_ALL_SIGNALS,
    )
    status = identity.observe_status(pid)
    assert status is not None, "an unreaped child has a status"  # noqa: S101
    _reap_at_end(pid)
    return Process(folder, mark, status.identity)


def adopt(folder: Path) -> Process | None:
    """The process that runs in this folder, known by pid and start time; None when none does."""
    process = recall(folder)
    return process if process is not None and process.is_alive() else None


def recall(folder: Path) -> Process | None:
    """The folder's last process, running or ended; None when none was started since the boot."""
    noted = records.read_launch(folder)
    if noted is None or noted.boot != identity.observe_boot():
        return None
    record = records.read_process(folder, noted.mark) or _search(noted.mark)
    if record is None:
        return None
    return Process(folder, noted.mark, record.shim, record.service)


def read_exit(folder: Path) -> int | None:
    """The exit code of the folder's last process, 128 + n after signal n; None when not known."""
    noted = records.read_launch(folder)
    return None if noted is None else records.read_exit(folder, noted.mark)


def _split(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What a shell hands on, and the variables whose names it would drop."""
    shell = {n: v for n, v in environment.items() if _SHELL_NAME.fullmatch(n)}
    return shell, {n: v for n, v in environment.items() if n not in shell}


def _file_actions(log: Path) -> list[tuple[int, ...] | tuple[int, int, str, int, int]]:
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    inherited = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]  # noqa: PTH208
    return [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in inherited),
    ]


def _reap_at_end(pid: int) -> None:
    """Without a running loop, or a free descriptor, it stays a zombie until it is looked at."""
    try:
        loop = asyncio.get_running_loop()
        descriptor = os.pidfd_open(pid)
    except (RuntimeError, OSError):
        return

    def reap() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        with contextlib.suppress(ChildProcessError):  # somebody looked, and reaped it then
            os.waitpid(pid, os.WNOHANG)

    loop.add_reader(descriptor, reap)


def _search(mark: str) -> ProcessRecord | None:
    """Find by its mark what the shim could not write down, say because the disk was full."""
    found = [s for s in identity.observe_all() if identity.has_mark(s.identity.pid, mark)]
    if not found:
        return None
    leader = next((s for s in found if s.identity.pid == s.session), None)
    oldest = min(found, key=lambda s: (s.identity.started, s.identity.pid))
    if leader is None:
        return ProcessRecord(Identity(oldest.session, 0), oldest.identity)
    children = [s for s in found if s.parent == leader.identity.pid]
    return ProcessRecord(leader.identity, (children[0] if children else leader).identity)
