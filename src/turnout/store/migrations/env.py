"""Alembic's entry point: run the steps on the connection, and in the transaction, of
`turnout.store.migration`."""

from __future__ import annotations

from alembic import context

from turnout.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making a new one
)
with context.begin_transaction():
    context.run_migrations()
