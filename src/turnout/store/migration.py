"""Preparing a database: making it, or bringing an older one up to date, before anybody uses it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from turnout.model.errors import Permanent
from turnout.store.database import (
    describe,
    for_writing,
    lock_for_migration,
    open_engine,
    parse_url,
)
from turnout.store.errors import translated

_PATIENCE = timedelta(minutes=1)
"""Somebody else's migration may take that long."""

log = structlog.get_logger(__name__)


async def migrate(url: str, *, to: str = "head") -> str:
    """Bring the database to the revision `to` (the newest) and return the one it has then.

    All steps are one transaction: after a crash the database is as it was. Two who do this at once
    do it one after the other. Raises `Permanent` for a database of a newer Turnout, `Temporary`
    when it is locked or unreachable.
    """
    parsed = parse_url(url)
    with translated("prepare the journal", describe(parsed)):
        engine = open_engine(parsed, _PATIENCE)
        try:
            async with for_writing(engine).begin() as connection:
                return await connection.run_sync(upgrade, describe(parsed), to)
        finally:
            await engine.dispose()


def upgrade(connection: Connection, where: str, to: str = "head") -> str:
    """Do the steps on this connection, in its transaction. Otherwise as `migrate`."""
    lock_for_migration(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    _refuse_newer(_current(connection), script, where)
    before = _current(connection)
    command.upgrade(config, to)
    after = _current(connection)
    if after != before:
        log.info("store.migrated", database=where, before=before, after=after)
    return after or ""


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(current: str | None, script: ScriptDirectory, where: str) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise Permanent(
            f"Could not open the journal in {where}: it was written by a newer Turnout "
            f"(its revision is {current}, this one knows up to {script.get_current_head()})",
            hint="Upgrade Turnout, or give it the copy from before the upgrade.",
        )
