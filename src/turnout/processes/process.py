"""One process under its shim: whether it lives, waiting for its end, ending it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from turnout.processes import identity, records
from turnout.processes.identity import Identity

_POLL = 0.2
"""Seconds between two looks where the kernel cannot tell us."""

_SWEEPS = 100
"""How often what is left is looked for: something may fork faster than we look."""

_SHIM_GRACE = timedelta(seconds=2)
"""How long the shim may take to write the exit code down."""


@dataclass(slots=True)
class Process:
    """A command under a shim, started by us or by a Turnout that is gone. Dropping it is safe."""

    folder: Path
    mark: str
    shim: Identity
    _service: Identity | None = field(default=None, repr=False)
    _was_ours: bool = field(default=False, init=False, repr=False)

    @property
    def service(self) -> Identity | None:
        """The command itself; None in the first milliseconds, until the shim has started it."""
        if self._service is None:
            record = records.read_process(self.folder, self.mark)
            self._service = None if record is None else record.service
        return self._service

    @property
    def pid(self) -> int | None:
        """The command's pid; None in the first milliseconds, until the shim has started it."""
        return None if self.service is None else self.service.pid

    @property
    def started(self) -> int | None:
        """When the command started, in clock ticks since boot."""
        return None if self.service is None else self.service.started

    def is_alive(self) -> bool:
        """Whether the command runs, or has ended and the shim still writes its exit code down."""
        _reap(self.shim.pid)
        if identity.is_alive(self.shim):
            return True
        return self.service is not None and identity.is_alive(self.service)

    def is_command_alive(self) -> bool:
        """Whether the command itself runs; what it has left behind, and the shim, do not count."""
        return self.is_alive() if self.service is None else identity.is_alive(self.service)

    async def wait(self, timeout: timedelta | None = None) -> bool:
        """Wait until the command has ended and its exit code is written down.

        False when `timeout` passes first.
        """
        seconds = None if timeout is None else timeout.total_seconds()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wait()
        return not self.is_alive()

    async def _wait(self) -> None:
        was_alive = self.is_alive()
        await _await_end(self.shim)
        _reap(self.shim.pid)
        if self.service is not None:  # outlives a shim that was killed
            await _await_end(self.service)
        self._was_ours |= was_alive

    def read_exit(self) -> int | None:
        """The exit code, 128 + n after signal n.

        None while it runs, and for ever when the shim was killed.
        """
        return records.read_exit(self.folder, self.mark)

    def signal(self, number: int) -> None:
        """Send a signal to the command and its process group; fine when it has ended.

        SIGKILL spares the shim, so that the exit code is not lost.
        """
        if number == signal.SIGKILL:
            for found in self._members():
                _kill(found, signal.SIGKILL)
        elif self._owns_group():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.shim.pid, number)

    async def stop(self, number: int, timeout: timedelta) -> None:
        """Have the command and all that it started ended: signal, wait up to `timeout`, SIGKILL.

        Raises `TimeoutError` when a process survives even SIGKILL (it hangs in the kernel).
        """
        self.signal(number)
        await self.wait(timeout)
        await self.sweep()
        if not await self.wait(_SHIM_GRACE):
            _kill(self.shim, signal.SIGKILL)
        if not await self.wait(_SHIM_GRACE):
            raise TimeoutError(f"process {self.pid} of {self.folder} does not end after SIGKILL")

    async def sweep(self) -> int:
        """SIGKILL what the command started and left behind, in its session or with its mark.

        The command itself too, if it runs. Returns the number of processes that were found.
        """
        killed: frozenset[Identity] = frozenset()
        for _ in range(_SWEEPS):
            left = await asyncio.to_thread(self._strays)
            if not left:
                break
            for found in left:
                _kill(found, signal.SIGKILL)
            killed |= left
            await asyncio.sleep(0.01)
        return len(killed)

    def _owns_group(self) -> bool:
        if identity.is_alive(self.shim):
            return True
        status = None if self.service is None else identity.observe_status(self.service.pid)
        return (
            status is not None
            and status.is_alive
            and status.identity == self.service
            and status.group == self.shim.pid
        )

    def _members(self) -> frozenset[Identity]:
        """Everybody in the session but the shim; empty when it may be somebody else's by now."""
        if not self._owns_group():
            return frozenset()
        return frozenset(
            status.identity
            for status in identity.observe_all()
            if status.session == self.shim.pid and status.identity != self.shim
        )

    def _strays(self) -> frozenset[Identity]:
        """Everybody left: in the session while it surely is ours, or anywhere with our mark."""
        # A session that was ours a moment ago is ours still: numbers are not given again so soon.
        self._was_ours |= self._owns_group()
        return frozenset(
            status.identity
            for status in identity.observe_all()
            if status.identity != self.shim
            and status.identity.started >= self.shim.started
            and (
                (self._was_ours and status.session == self.shim.pid)
                or identity.has_mark(status.identity.pid, self.mark)
            )
        )


def _kill(target: Identity, number: int) -> None:
    if identity.is_alive(target):
        with contextlib.suppress(ProcessLookupError):
            os.kill(target.pid, number)


def _reap(pid: int) -> None:
    """Let the kernel forget an ended child. Of others than our children it knows nothing: fine."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


async def _await_end(target: Identity) -> None:
    try:
        descriptor = os.pidfd_open(target.pid)
    except ProcessLookupError:
        return
    except OSError:  # out of file descriptors, or a sandbox without pidfd
        while identity.is_alive(target):
            await asyncio.sleep(_POLL)
        return
    try:
        if identity.is_alive(target):  # asked after opening: the descriptor is of this very process
            await _await_readable(descriptor)
    finally:
        os.close(descriptor)


async def _await_readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _resolve, ended)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)


def _resolve(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
