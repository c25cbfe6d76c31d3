"""One file that Envoy watches: replaced as a whole, and confirmed by what Envoy reports.

Every content has a version of its own, never used before by any Turnout on any Envoy; so Envoy's
report says exactly which content is in force.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import structlog

from turnout.model.errors import Permanent, Temporary
from turnout.traffic.envoy.admin import AdminUnavailable, EnvoyAdmin
from turnout.traffic.envoy.ledger import cannot_write, stage_file
from turnout.traffic.envoy.resources import Document

log = structlog.get_logger(__name__)

_QUICK_LOOKS = 20
_REASON = re.compile(
    r"Filesystem config update (?:rejected|failure): (?P<reason>.*?)(?=^\[\d{4}-\d\d-\d\d |\Z)",
    re.MULTILINE | re.DOTALL,
)


class Versions:
    """Texts that nobody has used before."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """The next one."""
        return f"{self._token}-{next(self._numbers)}"


@dataclass(frozen=True, slots=True)
class Question:
    """How to ask Envoy about a file. Envoy answers with the version in quotes."""

    version: str
    rejections: str


def ask_subscription(name: str) -> Question:
    """By the subscription's statistics; the slower, the more there are."""
    return Question(
        version=f"/stats?type=TextReadouts&filter={quote(f'^{re.escape(name)}.version_text$')}",
        rejections=_rejections(name),
    )


def ask_routes(name: str, subscription: str) -> Question:
    """By the routes in force: as fast with 200 clusters as with one."""
    return Question(
        version="/config_dump?resource=dynamic_route_configs&mask=version_info"
        f"&name_regex={quote(f'^{re.escape(name)}$')}",
        rejections=_rejections(subscription),
    )


def _rejections(name: str) -> str:
    wanted = rf"^{re.escape(name)}\.update_(rejected|failure)$"
    return f"/stats?type=Counters&filter={quote(wanted)}"


@dataclass(frozen=True, slots=True)
class Staged:
    """A new content, on disk beside its place."""

    document: WatchedFile
    version: str
    file: Path

    def commit(self) -> None:
        """Put it in its place. Raises `Temporary`."""
        try:
            self.file.replace(self.document.path)
        except OSError as error:
            raise cannot_write(self.document.path, error) from error
        self.document.version = self.version

    def discard(self) -> None:
        """Forget it."""
        with contextlib.suppress(OSError):
            self.file.unlink(missing_ok=True)


class WatchedFile:
    """One of the watched files. Hold its lock from building a content to committing it."""

    def __init__(self, path: Path, question: Question, *, staging: Path, log_file: Path) -> None:
        self.path = path
        self.lock = asyncio.Lock()
        self.version = ""
        """Of the content in place; empty when there is none that can be read."""
        self._confirmed = ""
        self._question = question
        self._staging = staging
        self._log_file = log_file
        self._rejections = 0

    def read(self) -> Document | None:
        """The content in place; None when there is none, or only a broken one."""
        try:
            document: Document = json.loads(self.path.read_bytes())
            self.version = str(document["version_info"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("router.file_broken", file=str(self.path), why=str(error))
            return None
        return document

    def stage(self, version: str, data: bytes) -> Staged:
        """Write a content of this version beside its place. Raises `Temporary`."""
        new = self._staging / f"{self.path.parent.name}-{version}"
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Staged(self, version, stage_file(new, data, through=False))
        except OSError as error:
            raise cannot_write(self.path, error) from error

    async def is_in_force(self, admin: EnvoyAdmin, version: str) -> bool:
        """Whether Envoy uses this version now. Raises `AdminUnavailable`."""
        return f'"{version}"' in await admin.get(self._question.version)

    async def note_rejections(self, admin: EnvoyAdmin) -> bool:
        """Whether Envoy has rejected a content since the last look. Raises `AdminUnavailable`."""
        text = await admin.get(self._question.rejections)
        count = sum(int(line.rpartition(": ")[2]) for line in text.splitlines() if ": " in line)
        before, self._rejections = self._rejections, count
        return count > before

    async def confirm(self, admin: EnvoyAdmin, timeout: timedelta) -> None:
        """Wait until Envoy uses the version that is in place now, or a later one of ours.

        An Envoy that starts again reads what is in place: what was confirmed once stays so.
        Raises `Permanent` with Envoy's reason when it refuses, `Temporary` when time is up.
        """
        wanted = self.version
        if wanted == self._confirmed:
            return
        said = "Envoy keeps an older version"
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                for look in itertools.count():
                    try:
                        if await self._is_confirmed(admin, wanted, look):
                            self._confirmed = wanted
                            return
                    except AdminUnavailable as error:
                        said = str(error)
                    await asyncio.sleep(0.0005 * min(look + 1, 40))
        except TimeoutError:
            pass
        raise Temporary(
            f"Envoy did not confirm {self.path.parent.name} within {timeout}: {said}",
            retry_after=1,
            hint=f"See {self._log_file}.",
        )

    async def _is_confirmed(self, admin: EnvoyAdmin, wanted: str, look: int) -> bool:
        if await self.is_in_force(admin, wanted):
            return True
        if self.version != wanted and await self.is_in_force(admin, self.version):
            return True
        if look >= _QUICK_LOOKS and await self.note_rejections(admin):
            raise Permanent(
                f"Envoy refuses {self.path.parent.name}: {read_reason(self._log_file)}",
                hint=f"See {self._log_file}.",
            )
        return False


def read_reason(log_file: Path) -> str:
    """Why Envoy rejected a content last, in its own words, from the end of its log."""
    try:
        with log_file.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 65536))
            text = file.read().decode(errors="replace")
    except OSError as error:
        return f"its log cannot be read ({error})"
    found = list(_REASON.finditer(text))
    if not found:
        return "it does not say why"
    return " ".join(found[-1]["reason"].split())[-500:]
