"""The journal: deployments, steps, splits, checks, events, holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Spelled out rather than imported from `tables`: this file keeps its meaning when the tables move
# on.
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make all tables."""
    _make_deployments()
    _make_notes()
    _make_events()
    op.create_table(
        "holds",
        sa.Column("cluster", NAME, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
    )


def _make_deployments() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("cluster", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("by", NAME, nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("started_at", TIME),
        sa.Column("ended_at", TIME),
        sa.Column("body", sa.Text, nullable=False),
    )
    place = ["requested_at", "id"]
    op.create_index("deployments_by_time", "deployments", place)
    op.create_index("deployments_by_cluster", "deployments", ["cluster", *place])
    op.create_index("deployments_by_status", "deployments", ["status", *place])
    op.create_index(
        "deployments_by_cluster_and_status", "deployments", ["cluster", "status", *place]
    )


def _make_notes() -> None:
    op.create_table(
        "steps",
        sa.Column("deployment", NAME, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "splits",
        sa.Column("cluster", NAME, primary_key=True),
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("deployment", NAME, nullable=False),
        sa.Column("confirmed_at", TIME, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("splits_by_deployment", "splits", ["deployment", "generation"])
    op.create_table(
        "checks",
        sa.Column("deployment", NAME, primary_key=True),
        sa.Column("step", NAME, primary_key=True),
        sa.Column("at", TIME, primary_key=True),
        sa.Column("name", NAME, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("cluster", NAME, nullable=False),
        sa.Column("deployment", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("events_by_cluster", "events", ["cluster", "sequence"])
    op.create_index("events_by_deployment", "events", ["deployment", "sequence"])
    op.create_index("events_by_time", "events", ["at"])
    counters = op.create_table(
        "counters",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "events", "value": 0}])
