"""The one place where a database's errors become Turnout's: worth another try, or not."""

from __future__ import annotations

import errno
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from turnout.model.errors import Permanent, Temporary, TurnoutError

_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_SQLITE_FULL = sqlite3.SQLITE_FULL
_SQLITE_LOST = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_INTERRUPT})

# SQLSTATE classes: lost connection, lack of resources, the operator's doing, serialization and
# deadlock.
_POSTGRESQL_TEMPORARY = ("08", "53", "57P", "40", "55P03")
_POSTGRESQL_FULL = "53100"

_WRONG_PLACE = (PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError)

_FREE_SPACE = "Free space on the disk of the database; nothing that was recorded is lost."
_LOOK = "Look whether the database runs and can be reached."


@contextmanager
def translated(doing: str, where: str) -> Iterator[None]:
    """Raise `Temporary` or `Permanent` for what the database says inside. `doing`: `record a
    step`."""
    try:
        yield
    except TurnoutError:
        raise
    except (SQLAlchemyError, OSError) as error:
        raise _translate(error, f"Could not {doing} in {where}") from error


def _translate(error: Exception, tried: str) -> Temporary | Permanent:
    cause = error.orig if isinstance(error, DBAPIError) else error
    message = f"{tried}: {_first_line(cause or error)}"
    if _is_full(cause):
        return Temporary(message, retry_after=5.0, hint=_FREE_SPACE)
    if _is_passing(error, cause):
        return Temporary(message, retry_after=0.5, hint=_LOOK)
    return Permanent(message)


def _is_full(cause: BaseException | None) -> bool:
    match cause:
        case sqlite3.Error():
            return _sqlite_code(cause) == _SQLITE_FULL
        case _ if _is_postgresql(cause):
            return _state(cause) == _POSTGRESQL_FULL
        case OSError():
            return cause.errno in (errno.ENOSPC, errno.EDQUOT)
        case _:
            return False


def _is_passing(error: Exception, cause: BaseException | None) -> bool:
    if isinstance(error, PoolTimeout) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return True
    match cause:
        case sqlite3.Error():
            return _sqlite_code(cause) in _SQLITE_BUSY | _SQLITE_LOST
        case _ if _is_postgresql(cause, "OperationalError") and _state(cause) is None:
            return True  # no answer from the server at all
        case _ if _is_postgresql(cause):
            return (_state(cause) or "").startswith(_POSTGRESQL_TEMPORARY)
        case OSError():
            return not isinstance(cause, _WRONG_PLACE)
        case _:
            return False


def _is_postgresql(error: BaseException | None, kind: str = "Error") -> bool:
    """Whether it is an error of psycopg. That is loaded only when a PostgreSQL database is opened:
    it takes longer than a server may take to start."""
    driver = sys.modules.get("psycopg")
    return driver is not None and isinstance(error, getattr(driver, kind))


def _state(error: BaseException | None) -> str | None:
    state: str | None = getattr(error, "sqlstate", None)
    return state


def _sqlite_code(error: sqlite3.Error) -> int:
    # The lower byte is the kind of error, the rest its variety. Errors of Python's own making have
    # no code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
