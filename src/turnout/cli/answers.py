"""The documents of the HTTP API that are not in `turnout.model`, and how any document is read.

Fields that this version does not know are ignored: a server may be newer than its command line.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from turnout.cli.errors import Unreachable
from turnout.cli.exits import Exit
from turnout.model.deployment import ClusterState
from turnout.model.journal import CheckRecord, DeploymentRecord, SplitRecord, StepRecord
from turnout.model.traffic import GroupTraffic
from turnout.model.value import Value

T = TypeVar("T")


class ClusterView(Value):
    """One cluster as it is now."""

    state: ClusterState
    traffic: dict[str, GroupTraffic] = {}
    running: DeploymentRecord | None = None
    waiting: tuple[DeploymentRecord, ...] = ()
    address: str | None = None


class DeploymentView(Value):
    """One deployment with all that is written below it."""

    record: DeploymentRecord
    steps: tuple[StepRecord, ...] = ()
    splits: tuple[SplitRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()


class Health(Value):
    """Whether the server is ready."""

    status: str
    version: str
    data_folder: str = ""
    target: str = ""


class Finding(Value):
    """One thing that `doctor` looked at."""

    name: str
    ok: bool
    sentence: str
    hint: str = ""


def read_answer(kind: type[T], document: Any) -> T:
    """Read a document of the API. Raises `Unreachable` when it is none."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(document), extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unreachable(
            f"The server's answer cannot be understood: {place or 'the document'}: {first['msg']}.",
            "Server and command line may be too far apart: compare them with turnout version.",
            Exit.UNREACHABLE,
            code="broken_answer",
        ) from error
