"""What crosses Temporal: one frozen value per workflow, update and activity.

Part of every history: these values only grow, by fields with defaults. Pure; passed through the
workflow sandbox as it is.
"""

from __future__ import annotations

from datetime import datetime

from turnout.model.deployment import Choice, ClusterState, Request, Status
from turnout.model.journal import DeploymentRecord, Event, StepRecord
from turnout.model.plan import Step, StepAnswer
from turnout.model.value import Value
from turnout.strategies.progress import Progress


class Running(Value):
    """A deployment under way: all that its cluster's workflow remembers of it."""

    request: Request
    progress: Progress | None = None
    """None = not planned yet: nothing was touched."""
    started_at: datetime | None = None
    announced: Status | None = None
    """The status that the journal's followers know of."""
    failed_requests: int | None = None
    """Counted when traffic was taken back."""


class ClusterStart(Value):
    """What a cluster's workflow begins with: nothing, or what its earlier run left."""

    cluster: str
    queue: tuple[Request, ...] = ()
    running: Running | None = None
    lost: tuple[str, ...] = ()
    """Deployments to clear up after."""
    history_limit: int = 0
    """Go on in a new run after so many events; 0 = the engine's own limit."""


class Receipt(Value):
    """What became of an update. The journal has the whole of it."""

    deployment: str
    status: Status
    sentence: str


class Cancellation(Value):
    """Somebody wants a deployment taken back."""

    deployment: str
    by: str = ""
    reason: str = ""


class Reply(Value):
    """Somebody answers the question of a paused deployment."""

    deployment: str
    choice: Choice
    by: str = ""
    comment: str = ""


class Loss(Value):
    """A deployment that the journal believes to run and that no workflow knows."""

    deployment: str


class Notice(Value):
    """A deployment's record, to be written; `announce`: and told to those who follow."""

    record: DeploymentRecord
    announce: bool = False


class News(Value):
    """What to write down, in this order."""

    notices: tuple[Notice, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    events: tuple[Event, ...] = ()


class Acceptance(Value):
    """A request to be written down as waiting, unless the journal knows it already."""

    notice: Notice


class Glance(Value):
    """Which cluster to observe."""

    cluster: str


class Sight(Value):
    """What a glance showed: the state, in as little as planning needs, or why there is none."""

    state: ClusterState | None = None
    problem: str = ""


class StepOrder(Value):
    """One step to be performed."""

    deployment: str
    cluster: str
    number: int
    step: Step
    way_back: bool = False
    moved_at: datetime | None = None
    new_group: str = ""
    notice: Notice | None = None
    """To be written down before anything is done."""


class StepResult(Value):
    """What came of a step."""

    answer: StepAnswer
    canceled: bool = False
    """It was interrupted; its record says so."""
    failed_requests: int | None = None
    """A step that took traffic back: what the new group failed until then."""


class Interruption(Value):
    """A step that nobody needs to wait for any longer."""

    deployment: str
    number: int


class Ending(Value):
    """The last record of a deployment. Figures that only the outside world knows are filled in."""

    notice: Notice
    before: Notice | None = None
    """To be written first, when the journal has not even seen it begin."""


class Clearance(Value):
    """A lost deployment to be cleared up after."""

    deployment: str
    cluster: str
