"""Versions of canary configurations, within a transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from turnout.model.analysis import ConfigVersion
from turnout.model.canary.stored import DEFAULT_NAME
from turnout.model.errors import NotFound
from turnout.model.words import nearest
from turnout.store import queries, rows
from turnout.store.statements import Statements
from turnout.store.tables import configs


def keep_version(  # `document`: JSON of any form
    connection: Connection,
    *,
    statements: Statements,
    name: str,
    document: Mapping[str, Any],
    by: str,
    at: datetime,
) -> ConfigVersion:
    """Keep the document as the next version, unless it is that of the newest one."""
    while True:
        newest = _newest(connection, name)
        if newest is not None and _text(newest.document) == _text(document):
            return newest
        number = newest.version + 1 if newest else 1
        made = ConfigVersion(name=name, version=number, document=dict(document), by=by, at=at)
        if connection.execute(statements.keep_config, rows.config_row(made)).first() is not None:
            return made
        # Somebody else has taken this number just now: that one is the newest.


def read_version(connection: Connection, name: str, version: int | None) -> ConfigVersion:
    """The newest version, or the one that is asked for. Raises `NotFound`."""
    found = read_versions(connection, name)
    if version is None:
        return found[-1]
    for one in found:
        if one.version == version:
            return one
    raise NotFound(
        f"The canary configuration {name!r} has no version {version}",
        hint=f"Its newest version is {found[-1].version}.",
    )


def read_versions(connection: Connection, name: str) -> tuple[ConfigVersion, ...]:
    """All versions, oldest first. Raises `NotFound`."""
    bodies = connection.execute(queries.config_bodies(name)).scalars()
    found = tuple(rows.parse_body(ConfigVersion, body) for body in bodies)
    if not found:
        raise _unknown(connection, name)
    return found[::-1]


def remove(connection: Connection, name: str) -> None:
    """Forget all versions. Raises `NotFound` when there is none."""
    if not connection.execute(configs.delete().where(configs.c.name == name)).rowcount:
        raise _unknown(connection, name)


def _newest(connection: Connection, name: str) -> ConfigVersion | None:
    body = connection.execute(queries.config_bodies(name).limit(1)).scalar()
    return None if body is None else rows.parse_body(ConfigVersion, body)


def _text(document: Mapping[str, Any]) -> str:
    """The same for the same document. In Python alone `true` would be the same as 1."""
    return json.dumps(document, sort_keys=True)


def _unknown(connection: Connection, name: str) -> NotFound:
    names = connection.execute(queries.config_names()).scalars().all()
    near = nearest(name, [*names, DEFAULT_NAME])
    return NotFound(
        f"There is no canary configuration {name!r}",
        hint=f"Did you mean {near!r}?"
        if near
        else "`turnout canary config list` lists what there is.",
    )
