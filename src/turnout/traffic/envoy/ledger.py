"""The facts of all clusters, on disk and in memory: one file per cluster, replaced as a whole.

A file carries a checksum. One that does not fit is put aside, never guessed at; what Envoy was last
told is then the way to learn the facts again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from turnout.model.errors import Temporary
from turnout.traffic.envoy.fact import ClusterFact

log = structlog.get_logger(__name__)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Ledger:
    """Knows every cluster's fact. Nothing else writes below its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._facts: dict[str, ClusterFact] = {}

    def read(self) -> frozenset[str]:
        """Read all files. Returns the clusters whose file was broken and has been put aside."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in self._folder.glob("*.new"):
            leftover.unlink(missing_ok=True)
        broken = set()
        for path in sorted(self._folder.glob("*.json")):
            try:
                self._facts[path.stem] = _read(path)
            except (ValueError, KeyError, TypeError) as error:
                broken.add(path.stem)
                _put_aside(path, error)
        return frozenset(broken)

    def get(self, cluster: str) -> ClusterFact | None:
        """The cluster's fact; None when nothing is known of it."""
        return self._facts.get(cluster)

    def __iter__(self) -> Iterator[ClusterFact]:
        return iter(tuple(self._facts.values()))

    def having(self, fact: ClusterFact) -> tuple[ClusterFact, ...]:
        """All facts as they would be with this one."""
        return tuple({**self._facts, fact.cluster: fact}.values())

    def write(self, fact: ClusterFact) -> None:
        """Have the fact on disk, then in memory. Raises `Temporary`, and keeps the old one, when it
        cannot be written.
        """
        data = _format(fact)
        path = self._folder / f"{fact.cluster}.json"
        try:
            replace_file(path, data)
            _sync_folder(self._folder)
        except OSError as error:
            raise cannot_write(path, error) from error
        self._facts[fact.cluster] = fact


def replace_file(path: Path, data: bytes) -> None:
    """Write beside the place, through to the disk, then rename: all of it or nothing."""
    new = stage_file(path.with_name(f"{path.name}.new"), data, through=True)
    new.replace(path)


def stage_file(new: Path, data: bytes, *, through: bool) -> Path:
    """Write a file that only its owner can read; leaves nothing behind when it fails."""
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            if through:
                os.fdatasync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    return new


def cannot_write(path: Path, error: OSError) -> Temporary:
    """What to tell about a file that could not be written. What held before still holds."""
    if error.errno in _NO_ROOM:
        return Temporary(
            f"cannot write {path}: {error.strerror}; nothing was changed",
            hint="Make room on the disk; Turnout goes on by itself.",
        )
    return Temporary(
        f"cannot write {path}: {error.strerror or error}; nothing was changed",
        hint="See to it that Turnout may write there.",
    )


def _format(fact: ClusterFact) -> bytes:
    content = fact.model_dump(mode="json")
    document = {"checksum": _checksum(content), "fact": content}
    return (json.dumps(document, indent=1) + "\n").encode()


def _read(path: Path) -> ClusterFact:
    try:
        document = json.loads(path.read_bytes())
        content = document["fact"]
        fact = ClusterFact.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"not a fact: {error.error_count()} mistakes") from error
    if document["checksum"] != _checksum(content):
        raise ValueError("the checksum does not fit")
    if fact.cluster != path.stem:
        raise ValueError(f"is about {fact.cluster}")
    return fact


def _checksum(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _put_aside(path: Path, error: Exception) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    path.replace(aside)
    log.error("router.fact_broken", file=str(path), put_aside=aside.name, why=str(error))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
