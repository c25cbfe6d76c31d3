"""The tables as they are now. How older databases get here is told in `migrations/`.

A fact is one row: the columns that are searched, and `body`, the whole value as JSON. Bodies only
grow, so a new field needs no migration; a column does. No table refers to another: a note about a
deployment is taken down even when the deployment's own row is not there (yet), because the journal
must never stop a deployment.

Growth, measured in SQLite: about 43 kB for a rolling deployment of 17 steps, half of it events; two
fifths of its text for the evidence of a look at a canary, which is 0.6 MB for an hour of looks
every five seconds at five metrics.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """An aware time in, the same moment in UTC out; to the microsecond, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Compared byte by byte on every database, whatever the locale that PostgreSQL was set up with.
Name = String().with_variant(String(collation="C"), "postgresql")
# SQLite keeps a row under its key only when the key is an INTEGER, which has 64 bits there.
Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

deployments = Table(
    "deployments",
    metadata,
    Column("id", Name, primary_key=True),
    Column("cluster", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("status", Name, nullable=False),
    Column("by", Name, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("body", Text, nullable=False),
    # One index for each way of asking, so that a page costs its own length and nothing more.
    Index("deployments_by_time", "requested_at", "id"),
    Index("deployments_by_cluster", "cluster", "requested_at", "id"),
    Index("deployments_by_status", "status", "requested_at", "id"),
    Index("deployments_by_cluster_and_status", "cluster", "status", "requested_at", "id"),
)

steps = Table(
    "steps",
    metadata,
    Column("deployment", Name, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", UtcTime, nullable=False),
    Column("body", Text, nullable=False),
)

splits = Table(
    "splits",
    metadata,
    Column("cluster", Name, primary_key=True),
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("deployment", Name, nullable=False),
    Column("confirmed_at", UtcTime, nullable=False),
    Column("body", Text, nullable=False),
    Index("splits_by_deployment", "deployment", "generation"),
)

checks = Table(
    "checks",
    metadata,
    Column("deployment", Name, primary_key=True),
    Column("step", Name, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("body", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("sequence", Number, primary_key=True, autoincrement=False),
    Column("cluster", Name, nullable=False),
    Column("deployment", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("body", Text, nullable=False),
    Index("events_by_cluster", "cluster", "sequence"),
    Index("events_by_deployment", "deployment", "sequence"),
    Index("events_by_time", "at"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`events`: the last sequence number given. Counting up locks the row until the transaction
ends, so numbers become visible in order: who has read up to n has missed nothing below n."""

holds = Table(
    "holds",
    metadata,
    Column("cluster", Name, primary_key=True),
    Column("reason", Text, nullable=False),
)

analyses = Table(
    "analyses",
    metadata,
    Column("id", Name, primary_key=True),
    Column("cluster", Name, nullable=False),
    Column("deployment", Name, nullable=False),
    Column("began_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("body", Text, nullable=False),
    Index("analyses_by_time", "began_at", "id"),
    Index("analyses_by_cluster", "cluster", "began_at", "id"),
    Index("analyses_by_deployment", "deployment", "began_at", "id"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("analysis", Name, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""What each look of an analysis saw: text, compressed by zlib. A row is written once."""

judgments = Table(
    "judgments",
    metadata,
    Column("analysis", Name, primary_key=True),
    Column("body", Text, nullable=False),
)
"""The first answer of a person for each analysis. A row is written once."""

configs = Table(
    "configs",
    metadata,
    Column("name", Name, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)
"""Canary configurations. A version is written once."""
