"""Opening a database by URL. All that differs between SQLite and PostgreSQL is in this file and
in `errors.py`."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from turnout.model.errors import Permanent

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
CONNECTIONS = 4
"""Kept open per process. More would only wait for the same disk."""

PATIENCE = timedelta(seconds=5)
"""How long a transaction waits for another one to make room, before it gives up for now."""

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


def open_engine(url: URL, patience: timedelta = PATIENCE) -> Engine:
    """Prepare connections; none is made yet. A new SQLite file can be read by its owner only.

    They block: use them in threads. An asynchronous driver would hand every single call to a thread
    and back, which makes a small transaction three times as long (SQLite: 3.9 ms against 1.4 ms).
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite:
        _make_private(Path(str(url.database)))
    engine = create_engine(
        url,
        connect_args=_sqlite_arguments() if is_sqlite else _postgresql_arguments(url, patience),
        pool_size=CONNECTIONS,
        max_overflow=0,
        # A database server that was restarted costs a moment, not an error.
        pool_pre_ping=not is_sqlite,
    )
    if is_sqlite:
        event.listen(engine, "connect", partial(_prepare_connection, patience))
        event.listen(engine, "begin", _begin)
    return engine


def for_writing(engine: Engine) -> Engine:
    """The same connections, for transactions that write.

    SQLite refuses at once, without waiting, to let a reader become a writer when somebody else has
    written meanwhile; so these transactions are writers from their first moment.
    """
    return engine.execution_options(turnout_writes=True)


def lock_for_migration(connection: Connection) -> None:
    """Keep other migrators out until the transaction ends. SQLite's writers are alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its two side files the mode of the main one.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _sqlite_arguments() -> dict[str, Any]:
    return {"isolation_level": None}  # BEGIN is ours, see `_begin`


def _postgresql_arguments(url: URL, patience: timedelta) -> dict[str, Any]:
    arguments = {"connect_timeout": 10, "application_name": "turnout"}
    settings = {
        "lock_timeout": f"{_milliseconds(patience)}ms",
        # A Turnout that was stopped in the middle of a transaction must not hold up the others.
        "idle_in_transaction_session_timeout": "60s",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {**arguments, "options": options} | {name: url.query[name] for name in url.query}


def _prepare_connection(patience: timedelta, connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {_milliseconds(patience)}",  # first: the next may have to wait
        "journal_mode = WAL",
        "synchronous = FULL",  # the journal survives a power cut
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("turnout_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
