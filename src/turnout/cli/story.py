"""A deployment's plan and what really happened, told as one list. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from turnout.cli.answers import DeploymentView
from turnout.model.journal import StepRecord, StepState
from turnout.model.plan import Step


class Mark(StrEnum):
    """How a line of the story stands."""

    DONE = "done"
    FAILED = "failed"
    CANCELED = "cancelled"
    RUNNING = "running"
    TO_COME = "to come"
    NOT_REACHED = "not reached"


_OF_STATE = {
    StepState.RUNNING: Mark.RUNNING,
    StepState.SUCCEEDED: Mark.DONE,
    StepState.FAILED: Mark.FAILED,
    StepState.CANCELED: Mark.CANCELED,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One step: as planned, as it went, or both."""

    mark: Mark
    title: str
    planned: Step | None = None
    record: StepRecord | None = None

    @property
    def way_back(self) -> bool:
        """Not part of the plan: the traffic returns, or what was made is cleared up."""
        return self.record is not None and self.record.way_back


def tell(view: DeploymentView) -> tuple[Line, ...]:
    """What was begun, in order; then what the plan has left; then the way back."""
    planned = view.record.plan.steps if view.record.plan else ()
    by_id = {step.id: step for step in planned}
    records = sorted(view.steps, key=lambda r: r.number)
    forward = [_begun(r, by_id) for r in records if not r.way_back]
    back = [_begun(r, by_id) for r in records if r.way_back]
    begun = {r.step for r in records if not r.way_back}
    turned = bool(back) or view.record.status.is_end
    left = _left(planned, begun, Mark.NOT_REACHED if turned else Mark.TO_COME)
    return (*forward, *left, *back)


def running(story: Sequence[Line]) -> Line | None:
    """The line that is going on now."""
    return next((line for line in reversed(story) if line.mark is Mark.RUNNING), None)


def running_step(view: DeploymentView) -> StepRecord | None:
    """The step that is going on now, on the way forward or back."""
    return next((s for s in reversed(view.steps) if s.state is StepState.RUNNING), None)


def teller(view: DeploymentView) -> StepRecord | None:
    """The failed step that says in full why the deployment was taken back, or failed."""
    cause = view.record.cause
    failed = (s for s in reversed(view.steps) if s.state is StepState.FAILED)
    return next((s for s in failed if cause and cause in s.said), None)


def position(view: DeploymentView) -> tuple[int, int]:
    """Which step of how many is the latest one begun; (0, n) before the first."""
    planned = [step.id for step in view.record.plan.steps] if view.record.plan else []
    begun = {r.step for r in view.steps if not r.way_back}
    reached = [number for number, step in enumerate(planned, start=1) if step in begun]
    return (max(reached, default=0), len(planned))


def _begun(record: StepRecord, planned: dict[str, Step]) -> Line:
    step = None if record.way_back else planned.get(record.step)
    return Line(_OF_STATE[record.state], record.title, step, record)


def _left(planned: Sequence[Step], begun: set[str], mark: Mark) -> list[Line]:
    return [Line(mark, step.title, step) for step in planned if step.id not in begun]
