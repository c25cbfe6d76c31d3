"""Stores as child processes: on this host only, in a folder of their own, gone afterwards."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

PATIENCE = 60.0


def find_program(name: str, package: str) -> str:
    """Where a program is. A test that cannot have it fails: these stores are what we promise."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(
            f"{name} is missing: run scripts/setup --dev, or install the Debian package {package}"
        )
    return found


@contextmanager
def running(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Callable[[], None]]:
    """Run a program; gives what asserts that it still runs. When the tests are killed it ends with
    them."""
    setpriv = find_program("setpriv", "util-linux")
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [setpriv, "--pdeathsig", "KILL", *command],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **(environment or {})},
            stdout=output,
            stderr=output,
        )

    def check() -> None:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]

    try:
        yield check
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_answer(url: str, check: Callable[[], None], good: Callable[[str], bool]) -> None:
    """Wait until an address answers what is hoped for."""
    deadline = time.monotonic() + PATIENCE
    said = "nothing"
    while time.monotonic() < deadline:
        check()
        try:
            answer = httpx2.get(url, trust_env=False, timeout=5)
        except httpx2.HTTPError as error:
            said = repr(error)
        else:
            said = answer.text
            if answer.is_success and good(said):
                return
        time.sleep(0.1)
    pytest.fail(f"{url} does not answer as hoped within {PATIENCE} s: {said[:500]}")
