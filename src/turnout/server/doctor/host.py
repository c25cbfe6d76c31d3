"""What the host must have: programs, room, limits, time."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import resource
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from turnout.api.views import Finding
from turnout.engine.temporal_server import find_binary as find_temporal
from turnout.model.errors import Permanent
from turnout.server.doctor.findings import judge, trouble, well
from turnout.server.holding import LOCK
from turnout.settings import Settings
from turnout.traffic.envoy.process import find_binary as find_envoy

OLDEST_ENVOY = (1, 30)
OLDEST_TEMPORAL = (1, 0)
LEAST_DISK = 1024**3
LEAST_INODES = 10_000
LEAST_MEMORY = 300 * 1024**2
LEAST_FILES = 1024
LEAST_INOTIFY = 24
"""inotify instances: Envoy takes about twenty, and crashes when it gets none."""
LEAST_PORTS = 50
_BUILT = datetime(2026, 11, 1, tzinfo=UTC)
_AHEAD = timedelta(minutes=5)

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_VERSION = re.compile(r"(\d+)\.(\d+)\.\d+")


async def look_at_platform(_settings: Settings) -> Finding:
    """Linux and a Python that is new enough."""
    return judge(
        "platform",
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        ok=sys.platform == "linux" and sys.version_info >= (3, 11),
        hint="Turnout needs Linux and Python 3.11 or newer.",
    )


async def look_at_envoy(settings: Settings) -> Finding:
    """A program that runs and is new enough."""
    try:
        binary = find_envoy(settings.envoy_binary)
    except Permanent as error:
        return trouble("envoy", error.message, error.hint)
    return await _look_at_program("envoy", binary, OLDEST_ENVOY)


async def look_at_temporal(settings: Settings) -> Finding:
    """A program that runs and is new enough; not needed with a service of one's own."""
    if settings.temporal:
        return well("temporal", f"not needed: the service at {settings.temporal} is used")
    try:
        binary = find_temporal(settings.temporal_binary)
    except Permanent as error:
        return trouble("temporal", error.message, error.hint)
    return await _look_at_program("temporal", binary, OLDEST_TEMPORAL)


async def look_at_data_folder(settings: Settings) -> Finding:
    """It can be written, and only by this user."""
    data = settings.data
    if not data.exists():
        return _look_at_parent(data)
    try:
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        return trouble(
            "data folder",
            f"{data} cannot be written: {error.strerror}",
            "Make it writable for this user, or choose another with --data or TURNOUT_DATA.",
        )
    mode = data.stat().st_mode & 0o777
    return judge(
        "data folder",
        f"{data} is writable, mode {mode:04o}",
        ok=not mode & 0o077,
        hint=f"Others can look into it: chmod 700 {data}",
    )


async def look_at_token(settings: Settings) -> Finding:
    """Only this user may read it."""
    if settings.token is None:
        return well("token", "none is set, and none is needed: only this machine is listened to")
    if settings.token_file is None:
        return well("token", "one is set")
    mode = settings.token_file.stat().st_mode & 0o777
    return judge(
        "token",
        f"{settings.token_file} has mode {mode:04o}",
        ok=not mode & 0o077,
        hint=f"Others can read it: chmod 600 {settings.token_file}",
    )


async def look_at_disk(settings: Settings) -> Finding:
    """Room on the disk of the data folder."""
    place = _nearest(settings.data)
    free = shutil.disk_usage(place).free
    files = os.statvfs(place)
    has_inodes = files.f_files == 0 or files.f_favail >= LEAST_INODES
    return judge(
        "disk",
        f"{free / 1024**3:.1f} GB and {files.f_favail} files are free at {place}",
        ok=free >= LEAST_DISK and has_inodes,
        hint="Make room, or choose another folder with --data: "
        "a full disk stops deployments (not the traffic).",
    )


async def look_at_memory(_settings: Settings) -> Finding:
    """Room for Envoy, Temporal and the server."""
    free = psutil.virtual_memory().available
    return judge(
        "memory",
        f"{free / 1024**2:.0f} MB are available",
        ok=free >= LEAST_MEMORY,
        hint="Turnout itself takes about 400 MB; your services come on top.",
    )


async def look_at_open_files(_settings: Settings) -> Finding:
    """How many files a process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = "without limit" if soft == resource.RLIM_INFINITY else str(soft)
    return judge(
        "open files",
        f"a process may have {told} files open",
        ok=soft == resource.RLIM_INFINITY or soft >= LEAST_FILES,
        hint=f"Raise it before starting the server: ulimit -n {LEAST_FILES * 4}",
    )


async def look_at_inotify(_settings: Settings) -> Finding:
    """Envoy notices changes by inotify, of which a user has few."""
    try:
        most = int(_INOTIFY.read_text())
    except (OSError, ValueError):
        return well("inotify", "this kernel does not say how many instances there may be")
    used = await asyncio.to_thread(_count_inotify)
    return judge(
        "inotify",
        f"{used} of {most} instances of this user are in use",
        ok=most - used >= LEAST_INOTIFY,
        hint="Allow more: sysctl fs.inotify.max_user_instances=1024",
    )


async def look_at_instance_ports(settings: Settings) -> Finding:
    """A range with room, which the kernel does not use for something else."""
    first, last = settings.ports
    told = f"instances get ports {first} to {last}"
    if last - first + 1 < LEAST_PORTS:
        return trouble(
            "instance ports", f"{told}: that is few", "Widen the range: --ports 20000-29999"
        )
    try:
        low, high = (int(word) for word in _OUTGOING.read_text().split())
    except (OSError, ValueError):
        return well("instance ports", told)
    return judge(
        "instance ports",
        f"{told}; outgoing connections {low} to {high}",
        ok=last < low or high < first,
        hint="The two overlap: an outgoing connection may take an instance's port. "
        "Choose other ports with --ports.",
    )


async def look_at_clock(settings: Settings) -> Finding:
    """Times in the journal must make sense."""
    now = datetime.now(UTC)
    told = f"it is {now:%Y-%m-%d %H:%M:%S} UTC"
    hint = "Set the clock: is time synchronisation on (timedatectl)?"
    if now < _BUILT:
        return trouble("clock", f"{told}, which is before this version was made", hint)
    try:
        written = datetime.fromtimestamp((settings.data / LOCK).stat().st_mtime, UTC)
    except OSError:
        return well("clock", told)
    return judge(
        "clock",
        told if written <= now + _AHEAD else f"{told}, but the data folder is from {written:%c}",
        ok=written <= now + _AHEAD,
        hint=hint,
    )


async def look_at_time_zones(_settings: Settings) -> Finding:
    """Freeze windows are written in local time."""
    try:
        ZoneInfo("Europe/Madrid")
    except LookupError:
        return trouble(
            "time zones",
            "this host knows no time zones: freeze windows work in UTC only",
            "Install the package tzdata.",
        )
    return well("time zones", "they are known")


async def _look_at_program(name: str, binary: Path, oldest: tuple[int, int]) -> Finding:
    try:
        process = await asyncio.create_subprocess_exec(
            binary, "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
        )
    except OSError as error:
        return trouble(name, f"{binary} cannot be run: {error.strerror}", "Install it again.")
    output, _ = await process.communicate()
    found = _VERSION.search(output.decode(errors="replace"))
    if process.returncode or found is None:
        return trouble(
            name,
            f"{binary} --version ended with {process.returncode} and no version",
            "Install it again, for this kind of machine.",
        )
    return judge(
        name,
        f"{found[0]} at {binary}",
        ok=(int(found[1]), int(found[2])) >= oldest,
        hint=f"Install {'.'.join(map(str, oldest))} or newer.",
    )


def _look_at_parent(data: Path) -> Finding:
    place = _nearest(data)
    return judge(
        "data folder",
        f"{data} will be made in {place}",
        ok=os.access(place, os.W_OK | os.X_OK),
        hint=f"{place} is not writable for this user: choose another with --data or TURNOUT_DATA.",
    )


def _nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def _count_inotify() -> int:
    """Instances in use by processes of this user, as far as they can be seen."""
    count = 0
    for process in psutil.process_iter():
        folder = Path(f"/proc/{process.pid}")
        try:
            if folder.stat().st_uid != os.getuid():
                continue
            links = [str(entry.readlink()) for entry in (folder / "fd").iterdir()]
        except OSError:
            continue
        count += sum(link == "anon_inode:inotify" for link in links)
    return count
