"""Preparing a database: making it, or bringing an older one up to date, before anybody uses it."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import URL, Connection, inspect

from turnout.model.errors import Permanent
from turnout.store.database import (
    describe,
    for_writing,
    lock_for_migration,
    open_engine,
    parse_url,
)
from turnout.store.errors import translated

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_STEPS = Path(__file__).parent / "migrations"

_PATIENCE = timedelta(minutes=1)
"""Somebody else's migration may take that long."""

log = structlog.get_logger(__name__)

_alembic = threading.Lock()
"""Alembic keeps what it works on in its modules: one migration at a time in a process."""


async def migrate(url: str, *, to: str = "head") -> str:
    """Bring the database to the revision `to` (the newest) and return the one it has then.

    All steps are one transaction: after a crash the database is as it was. Two who do this at once
    do it one after the other. Raises `Permanent` for a database of a newer Turnout, `Temporary`
    when it is locked or unreachable.
    """
    return await asyncio.to_thread(_migrate, parse_url(url), to)


def _migrate(url: URL, to: str) -> str:
    with translated("prepare the journal", describe(url)):
        engine = open_engine(url, _PATIENCE)
        try:
            with for_writing(engine).begin() as connection:
                return upgrade(connection, describe(url), to)
        finally:
            engine.dispose()


def upgrade(connection: Connection, where: str, to: str = "head") -> str:
    """Do the steps on this connection, in its transaction. Otherwise as `migrate`."""
    lock_for_migration(connection)
    before = _current(connection)
    if to == "head" and before == newest_revision():
        return before  # as nearly always: without loading what does the steps, which takes a while
    return _take_steps(connection, where, to, before)


def newest_revision() -> str:
    """The revision that a database has after all steps. Steps are files named by number."""
    return max(file.stem.partition("_")[0] for file in (_STEPS / "versions").glob("[0-9]*.py"))


def _take_steps(connection: Connection, where: str, to: str, before: str | None) -> str:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_STEPS))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    _refuse_newer(before, script, where)
    with _alembic:
        command.upgrade(config, to)
    after = _current(connection)
    if after != before:
        log.info("store.migrated", database=where, before=before, after=after)
    return after or ""


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def _refuse_newer(current: str | None, script: ScriptDirectory, where: str) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise Permanent(
            f"Could not open the journal in {where}: it was written by a newer Turnout "
            f"(its revision is {current}, this one knows up to {script.get_current_head()})",
            hint="Upgrade Turnout, or give it the copy from before the upgrade.",
        )
