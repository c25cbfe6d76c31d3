"""Server groups and their instances: what to run, how many, and how each copy fares."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from turnout.model.value import Value

Text = Annotated[str, StringConstraints(min_length=1)]
Positive = Annotated[timedelta, Field(gt=timedelta(0))]
NonNegative = Annotated[timedelta, Field(ge=timedelta(0))]
HttpMethod = Literal["GET", "HEAD", "POST", "PUT", "OPTIONS"]


class HttpProbe(Value):
    """Healthy when the answer's status lies in `status_from` … `status_to`, both included."""

    kind: Literal["http"] = "http"
    path: Annotated[str, StringConstraints(pattern=r"^/")] = "/"
    method: HttpMethod = "GET"
    headers: dict[str, str] = {}
    status_from: Annotated[int, Field(ge=100, le=599, strict=True)] = 200
    status_to: Annotated[int, Field(ge=100, le=599, strict=True)] = 399


class TcpProbe(Value):
    """Healthy when the instance's port accepts a connection."""

    kind: Literal["tcp"] = "tcp"


class CommandProbe(Value):
    """Healthy when the command ends with 0; it sees PORT and INSTANCE in its environment."""

    kind: Literal["command"] = "command"
    command: Annotated[tuple[Text, ...], Field(min_length=1)]


class Probe(Value):
    """How an instance's health is asked for, and how many answers in a row decide.

    An instance counts as healthy after `healthy_after` good answers in a row and not before
    `min_healthy_time` has passed since the first of them; as unhealthy after `unhealthy_after` bad
    ones.
    """

    request: Annotated[HttpProbe | TcpProbe | CommandProbe, Field(discriminator="kind")] = (
        TcpProbe()
    )
    interval: Positive = timedelta(seconds=1)
    timeout: Positive = timedelta(seconds=2)
    healthy_after: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    unhealthy_after: Annotated[int, Field(ge=1, le=100, strict=True)] = 3
    min_healthy_time: NonNegative = timedelta(0)


class Stop(Value):
    """How an instance is asked to end: `signal`, then SIGKILL after `timeout`."""

    signal: Literal["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"] = "SIGTERM"
    timeout: NonNegative = timedelta(seconds=10)


class Run(Value):
    """What to run. `${PORT}`, `${VERSION}` and `${INSTANCE}` (also without braces) are filled in
    per instance.

    `folder` is absolute.
    """

    command: Annotated[tuple[Text, ...], Field(min_length=1)]
    environment: dict[str, str] = {}
    folder: str


class GroupSettings(Value):
    """Everything that all instances of one server group share, and that never changes."""

    version: Text
    run: Run
    probe: Probe = Probe()
    stop: Stop = Stop()
    restart_budget: Annotated[int, Field(ge=0, le=1000, strict=True)] = 3
    """How often an instance may exit during start-up before waiting for it is given up."""
    drain_timeout: NonNegative = timedelta(seconds=30)


class InstanceState(StrEnum):
    """`draining` has left the endpoints and finishes its requests; `gone` has ended for good."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"
    GONE = "gone"


class Instance(Value):
    """One running copy, with what its last probe said."""

    id: str
    state: InstanceState
    host: str = "127.0.0.1"
    port: int = 0
    pid: int | None = None
    since: datetime | None = None
    probe_said: str = ""
    """In words: `GET /healthz on 127.0.0.1:40113: 503 "warming up"`."""
    restarts: int = 0
    exit_code: int | None = None
    hopeless: str = ""
    """Not empty once the restart budget is spent before it was ever healthy: exit code and last log
    lines.
    """


class Role(StrEnum):
    """What a server group is there for: to serve, or for the short life of a canary."""

    PRODUCTION = "production"
    BASELINE = "baseline"
    CANARY = "canary"


class ServerGroup(Value):
    """One immutable version of a cluster, as its target reports it."""

    name: str
    cluster: str
    settings: GroupSettings
    desired: Annotated[int, Field(ge=0, strict=True)]
    created_at: datetime
    deployment: str
    """Id of the deployment that made it."""
    pin: int = 0
    """No resize goes below it. 0 = not pinned."""
    cold_at: datetime | None = None
    """A disabled group is scaled to zero at this time."""
    instances: tuple[Instance, ...] = ()
    role: Role = Role.PRODUCTION

    @property
    def version(self) -> str:
        """The version of the artifact that it runs."""
        return self.settings.version

    @property
    def healthy(self) -> int:
        """How many of its instances may get traffic."""
        return sum(i.state is InstanceState.HEALTHY for i in self.instances)

    @property
    def is_cold(self) -> bool:
        """Scaled to zero."""
        return self.desired == 0


def needed(size: int, share: int) -> int:
    """How many of `size` instances a share in per mille needs: rounded up, at least one for any
    traffic.
    """
    return math.ceil(size * share / 1000)


def ready_count(size: int, healthy_share: int) -> int:
    """How many of `size` instances must be healthy for a group to be ready, at `healthy_share` per
    mille.
    """
    return max(1, math.ceil(size * healthy_share / 1000)) if size else 0
