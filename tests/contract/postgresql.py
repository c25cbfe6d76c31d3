"""A real PostgreSQL of our own: made in a temporary folder, reached by a unix socket only, gone
afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_DEBIAN = Path("/usr/lib/postgresql")


class PostgreSql:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def make_database(self) -> str:
        """Make a new, empty database and give its URL."""
        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database, as a user would write it."""
        return f"postgresql://turnout@/{name}?host={self._folder}"

    def _address(self, name: str) -> str:
        return f"host={self._folder} user=turnout dbname={name}"


@contextmanager
def running_postgresql() -> Iterator[PostgreSql]:
    """Start a server; stop it and remove its folder on the way out. Skips, naming what is
    missing."""
    programs = _programs()
    prefix = _as_other_user()
    # Not pytest's own folder: the other user may not enter that.
    folder = Path(tempfile.mkdtemp(prefix="turnout-postgresql-"))
    try:
        if prefix.owner is not None:
            os.chown(folder, prefix.owner.pw_uid, prefix.owner.pw_gid)
        with _server(programs, prefix.command, folder):
            yield PostgreSql(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Prefix:
    def __init__(self, command: list[str], owner: pwd.struct_passwd | None) -> None:
        self.command = command
        self.owner = owner


def _programs() -> Path:
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda p: float(p.parent.parent.name))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    return pytest.skip("PostgreSQL is missing: install the Debian package postgresql")


def _as_other_user() -> _Prefix:
    """PostgreSQL refuses to run as root."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is missing: install the Debian package util-linux")
    # When the tests are killed, the server ends with them.
    command = [setpriv, "--pdeathsig", "INT"]
    if os.getuid() != 0:
        return _Prefix(command, None)
    for name in ("postgres", "nobody"):
        try:
            owner = pwd.getpwnam(name)
        except KeyError:
            continue
        ids = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        return _Prefix([*command, *ids], owner)
    return pytest.skip("PostgreSQL refuses root, and there is no user postgres or nobody")


@contextmanager
def _server(programs: Path, prefix: list[str], folder: Path) -> Iterator[None]:
    data, log = folder / "data", folder / "log"
    make = [programs / "initdb", "-D", data, "-U", "turnout", "--auth=trust", "--no-sync"]
    made = subprocess.run(
        [*prefix, *map(str, make), "--encoding=UTF8", "--locale=C.UTF-8"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    settings = {
        "listen_addresses": "",  # no port: nobody else is disturbed
        "unix_socket_directories": str(folder),
        "fsync": "off",  # what the disk does is not what we test
        "shared_buffers": "16MB",
        "max_connections": "60",
    }
    serve = [str(programs / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        serve += ["-c", f"{name}={value}"]
    with log.open("wb") as output:
        process = subprocess.Popen([*prefix, *serve], cwd=folder, stdout=output, stderr=output)
    try:
        _await_ready(process, folder, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(process: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(f"host={folder} user=turnout dbname=postgres").close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return
