"""What may be sent to the API. Strict: unknown fields and loosely typed values are refused."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from turnout.model.deployment import Choice, Kind, OnBusy
from turnout.model.value import Value

MOST_TEXT = 256 * 1024
"""Characters of a service file."""

_PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"


def _absolute(folder: str) -> str:
    if not PurePosixPath(folder).is_absolute():
        raise ValueError("must be an absolute path: the server does not know where you are")
    return folder


Line = Annotated[str, StringConstraints(max_length=1000, pattern=_PRINTABLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
Folder = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096, pattern=_PRINTABLE),
    AfterValidator(_absolute),
]
ClusterPath = Annotated[str, StringConstraints(max_length=58, pattern=r"^[a-z0-9-]+$")]
GroupPath = Annotated[str, StringConstraints(max_length=63, pattern=r"^[a-z0-9-]+$")]
DeploymentPath = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$")
]
InstancePath = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9._~-]+$")]
Size = Annotated[int, Field(ge=0, le=1000, strict=True)]


class Document(Value):
    """A service file as it was read, and where it lies: its relative paths start there."""

    text: Annotated[str, StringConstraints(max_length=MOST_TEXT)]
    folder: Folder
    name: Name = "service.yaml"


class CheckBody(Document):
    """A service file to be checked, with what the command line would override."""

    version: Name | None = None
    strategy: Name | None = None


class DeployBody(Value):
    """A deployment, or the wish for its plan."""

    document: Document
    version: Name | None = None
    strategy: Name | None = None
    instances: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    on_busy: OnBusy = OnBusy.QUEUED
    by: Line = ""
    reason: Line = ""
    force: Line = ""
    """Why guards, a hold and a freeze may be overridden."""
    fingerprint: Line = ""


OperationKind = Literal["rollback", "resize", "enable", "disable", "destroy", "shrink"]

_NEEDS: dict[OperationKind, tuple[str, ...]] = {
    "rollback": (),
    "resize": ("group", "instances"),
    "enable": ("group",),
    "disable": ("group",),
    "destroy": ("group",),
    "shrink": (),
}
_TAKES: dict[OperationKind, frozenset[str]] = {
    "rollback": frozenset({"group"}),
    "resize": frozenset({"group", "instances"}),
    "enable": frozenset({"group", "share"}),
    "disable": frozenset({"group"}),
    "destroy": frozenset({"group"}),
    "shrink": frozenset({"keep"}),
}


class OperationBody(Value):
    """A single operation on a cluster."""

    kind: OperationKind
    group: GroupPath | None = None
    instances: Size | None = None
    share: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    """Per mille; all of it when not given."""
    keep: Annotated[int, Field(ge=1, le=999, strict=True)] | None = None
    on_busy: OnBusy = OnBusy.QUEUED
    by: Line = ""
    reason: Line = ""
    force: Line = ""
    fingerprint: Line = ""
    plan_only: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _fits_its_kind(self) -> OperationBody:
        given = {n for n in ("group", "instances", "share", "keep") if getattr(self, n) is not None}
        missing = [name for name in _NEEDS[self.kind] if name not in given]
        if missing:
            raise ValueError(f"{self.kind} needs {' and '.join(missing)}")
        surplus = sorted(given - _TAKES[self.kind])
        if surplus:
            raise ValueError(f"{self.kind} does not take {' or '.join(surplus)}")
        return self

    @property
    def deployment_kind(self) -> Kind:
        """The kind in the model's words."""
        return Kind(self.kind)


class CancelBody(Value):
    """Who takes a deployment back, and why."""

    by: Line = ""
    reason: Line = ""


class AnswerBody(Value):
    """What a person says to a paused deployment."""

    choice: Choice
    by: Line = ""
    comment: Line = ""


class HoldBody(Value):
    """Why automatic deployments of a cluster are to be held."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=_PRINTABLE)]
    by: Line = ""


class ReleaseBody(Value):
    """Who lets them go on."""

    by: Line = ""
