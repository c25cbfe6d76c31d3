"""Opening a database by URL. All that differs between SQLite and PostgreSQL is in this file and
in `errors.py`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from turnout.model.errors import Permanent

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
CONNECTIONS = 4
"""Kept open per process. More would only wait for the same disk."""

_PRAGMAS = (
    "busy_timeout = 5000",  # first: the next line may have to wait for another process
    "journal_mode = WAL",
    "synchronous = FULL",  # the journal survives a power cut
    "foreign_keys = ON",
)
# Any number will do, as long as every Turnout takes the same.
_MIGRATION_LOCK = 0x7475726E6F7574


def sqlite_url(path: Path) -> str:
    """Name the SQLite database in this file."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string()


def parse_url(text: str) -> URL:
    """Choose the driver for a database URL. Raises `Permanent` for one that Turnout does not
    know."""
    hint = "Write sqlite:////absolute/path or postgresql://user@host/database."
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise Permanent("The database URL cannot be read", hint=hint) from error
    if url.drivername not in _DRIVERS:
        raise Permanent(f"Turnout does not know databases like {url.drivername!r}", hint=hint)
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise Permanent("The SQLite database needs a file: memory is not a journal", hint=hint)
    return url.set(drivername=_DRIVERS[url.drivername])


def describe(url: URL) -> str:
    """Name a database for people, without its password."""
    if url.get_backend_name() == "sqlite":
        return f"the database {url.database}"
    return f"the database {url.render_as_string(hide_password=True)}"


def open_engine(url: URL) -> AsyncEngine:
    """Prepare connections; none is made yet. A new SQLite file can be read by its owner only."""
    if url.get_backend_name() == "sqlite":
        _make_private(Path(str(url.database)))
        connect_args: dict[str, Any] = {"isolation_level": None}  # BEGIN is ours, see below
    else:
        connect_args = {"connect_timeout": 10, "application_name": "turnout"}
    engine = create_async_engine(
        url,
        connect_args=connect_args,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,  # a database that was restarted costs a moment, not an error
    )
    if url.get_backend_name() == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_connection)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine


def for_writing(engine: AsyncEngine) -> AsyncEngine:
    """The same connections, for transactions that write.

    SQLite refuses at once, without waiting, to let a reader become a writer when somebody else has
    written meanwhile; so these transactions are writers from their first moment.
    """
    return engine.execution_options(turnout_writes=True)


def upsert(connection_dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT. Both databases spell it alike, SQLAlchemy keeps two of
    it."""
    return sqlite.insert(table) if connection_dialect == "sqlite" else postgresql.insert(table)


def lock_for_migration(connection: Connection) -> None:
    """Keep other migrators out until the transaction ends. SQLite's writers are alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its two side files the mode of the main one.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _prepare_connection(connection: Any, _record: object) -> None:  # the driver's, untyped
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("turnout_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
