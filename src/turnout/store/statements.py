"""What is written to the journal, as SQL: built once per store, because building takes longer
than running."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Insert, Table, bindparam, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from turnout.store.tables import (
    analyses,
    checks,
    configs,
    counters,
    deployments,
    events,
    evidence,
    holds,
    judgments,
    splits,
    steps,
)

EVENTS = "events"
"""The counter of events."""


class Statements:
    """Statements of one dialect. Their parameters are named like the columns."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self.put_step = self._put(steps)
        self.put_split = self._put(splits)
        self.put_check = self._put(checks)
        self.put_hold = self._put(holds)
        self.put_analysis = self._put(analyses)
        self.keep_evidence = self._keep(evidence)
        self.keep_judgment = self._keep(judgments)
        self.keep_config = self._keep(configs)
        self.release = delete(holds).where(holds.c.cluster == bindparam("cluster"))
        self.put_deployment = self._put_deployment()
        self.next_event = _next_event()
        self.add_event = events.insert()

    def _put(self, table: Table, only_if: ColumnElement[bool] | None = None) -> Insert:
        """Insert a row, or replace what has the same key. Both databases spell it alike; SQLAlchemy
        keeps two of it."""
        insert = self._insert(table)
        others = [column.name for column in table.columns if not column.primary_key]
        return insert.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: insert.excluded[name] for name in others},
            where=only_if,
        )

    def _keep(self, table: Table) -> ReturningInsert[Any]:
        """Insert a row, unless there is one with the same key. Returns a row if it was inserted;
        waits for the end of another transaction that inserts it."""
        keys = list(table.primary_key.columns)
        return self._insert(table).on_conflict_do_nothing(index_elements=keys).returning(*keys)

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        insert = sqlite.insert(table) if self._dialect == "sqlite" else postgresql.insert(table)
        return insert.values({column.name: bindparam(column.name) for column in table.columns})

    def _put_deployment(self) -> ReturningInsert[str]:
        """Only over a status in `:may_be`. Returns the id if it was written."""
        gives_way = deployments.c.status.in_(bindparam("may_be", expanding=True))
        return self._put(deployments, gives_way).returning(deployments.c.id)


def _next_event() -> ReturningUpdate[int]:
    return (
        update(counters)
        .where(counters.c.name == EVENTS)
        .values(value=counters.c.value + 1)
        .returning(counters.c.value)
    )
