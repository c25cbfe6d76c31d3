"""Databases for tests, each new and prepared."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from tests.contract.postgresql import PostgreSql, running_postgresql
from turnout.ports import Archive, Journal
from turnout.store.database import sqlite_url
from turnout.store.migration import migrate

DATABASES = ("sqlite", "postgresql")

NewDatabase = Callable[[str], str]
"""Makes an empty database of a kind and gives its URL."""


class Store(Journal, Archive, Protocol):
    """What a store is to others."""


def prepare(url: str) -> str:
    """Run the migrations, from code that cannot wait and may stand inside somebody's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(migrate(url))).result()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    with running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def prepared_postgresql(postgresql: PostgreSql) -> str:
    """The URL of one prepared database, which tests of this process use one after the other."""
    url = postgresql.make_database()
    prepare(url)
    return url


@pytest.fixture(scope="session")
def prepared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared database to copy."""
    path = tmp_path_factory.mktemp("prepared") / "turnout.db"
    prepare(sqlite_url(path))
    return path


@pytest.fixture
def new_database(tmp_path: Path, request: pytest.FixtureRequest) -> NewDatabase:
    def make(kind: str) -> str:
        if kind == "sqlite":
            return sqlite_url(tmp_path / "turnout.db")
        server: PostgreSql = request.getfixturevalue("postgresql")
        return server.make_database()

    return make


@pytest.fixture(params=DATABASES)
def empty_url(new_database: NewDatabase, request: pytest.FixtureRequest) -> str:
    """An empty database."""
    return new_database(request.param)


@pytest.fixture(params=DATABASES)
def url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A prepared database."""
    return prepared_url(request.param, tmp_path, request)


def prepared_url(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """Make a prepared database of this kind."""
    if kind == "sqlite":
        copy = folder / "turnout.db"
        shutil.copyfile(request.getfixturevalue("prepared_sqlite"), copy)
        return sqlite_url(copy)
    url: str = request.getfixturevalue("prepared_postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE deployments, steps, splits, checks, events, holds,"
            " analyses, evidence, judgments, configs"
        )
        connection.execute("UPDATE counters SET value = 0")
    return url
