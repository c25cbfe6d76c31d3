"""Canaries: analyses with their evidence, judgments, configurations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Spelled out rather than imported from `tables`: this file keeps its meaning when the tables move
# on.
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _make_analyses()
    op.create_table(
        "configs",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def _make_analyses() -> None:
    op.create_table(
        "analyses",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("cluster", NAME, nullable=False),
        sa.Column("deployment", NAME, nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("body", sa.Text, nullable=False),
    )
    place = ["began_at", "id"]
    op.create_index("analyses_by_time", "analyses", place)
    op.create_index("analyses_by_cluster", "analyses", ["cluster", *place])
    op.create_index("analyses_by_deployment", "analyses", ["deployment", *place])
    op.create_table(
        "evidence",
        sa.Column("analysis", NAME, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "judgments",
        sa.Column("analysis", NAME, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
