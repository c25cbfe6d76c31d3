"""Looking at a cluster, and clearing up after a deployment that was lost."""

from __future__ import annotations

from temporalio import activity

from turnout.engine import options
from turnout.engine.activities.failures import failure_of
from turnout.engine.activities.writing import Writer
from turnout.engine.messages import Clearance, Glance, Notice, Sight
from turnout.engine.operations import OperationContext, Operations
from turnout.model.deployment import ClusterState, Status
from turnout.model.errors import NotFound, Temporary, TurnoutError
from turnout.model.journal import DeploymentRecord, StepState
from turnout.model.plan import PinGroup
from turnout.model.servers import Instance, ServerGroup
from turnout.model.units import format_share
from turnout.ports import Archive, Clock


class ClusterActivities:
    """Verbs on a whole cluster."""

    def __init__(
        self, operations: Operations, writer: Writer, archive: Archive, clock: Clock
    ) -> None:
        self._operations = operations
        self._writer = writer
        self._archive = archive
        self._clock = clock

    @activity.defn(name=options.OBSERVE)
    async def observe(self, glance: Glance) -> Sight:
        """The cluster as it is now, in as little as planning needs."""
        try:
            return Sight(state=_thinned(await self._operations.observe_to_plan(glance.cluster)))
        except TurnoutError as error:
            raise failure_of(error) from error

    @activity.defn(name=options.CLEAR)
    async def clear(self, clearance: Clearance) -> None:
        """Release the pins of a lost deployment, and write down that and how it ended."""
        try:
            record = await self._archive.read_deployment(clearance.deployment)
            if not record.status.is_end:
                await self._clear(record)
        except NotFound:
            return
        except TurnoutError as error:
            raise failure_of(error, always_retried=True) from error

    async def _clear(self, record: DeploymentRecord) -> None:
        number = await self._close_steps(record)
        if record.status is not Status.QUEUED:
            await self._release(record, number)
        sentence = describe_loss(record, await self._operations.observe(record.request.cluster))
        now = self._clock.now()
        lost = record.model_copy(
            update={
                "status": Status.FAILED,
                "sentence": sentence,
                "question": None,
                "ended_at": now,
                "cause": record.cause or "the engine lost it",
                "detected_at": record.detected_at or now,
            }
        )
        await self._writer.write_notice(Notice(record=lost, announce=True))

    async def _close_steps(self, record: DeploymentRecord) -> int:
        """End the steps that seem to run. Returns a number greater than that of any step."""
        steps = (await self._archive.read_steps(record.id))[0]
        for step in steps:
            if step.state is StepState.RUNNING:
                closed = {"state": StepState.FAILED, "ended_at": self._clock.now()}
                said = {"said": "lost: whether it was done is not known", "waiting_for": ""}
                await self._writer.write_step(
                    step.model_copy(update=closed | said), record.request.cluster, tell=False
                )
        return max((s.number for s in steps), default=0) + 1

    async def _release(self, record: DeploymentRecord, number: int) -> None:
        """Nothing else runs on the cluster, so every pin on it is a lost one."""
        state = await self._operations.observe(record.request.cluster)
        for group in state.groups:
            if group.pin:
                context = OperationContext(
                    deployment=record.id,
                    cluster=record.request.cluster,
                    step=f"release-{group.name}",
                    number=number,
                )
                release = PinGroup(group=group.name, minimum=0)
                answer = await self._operations.perform(release, context, lambda _: None)
                if not answer.ok:
                    raise Temporary(f"{group.name} cannot be released: {answer.sentence}")


def describe_loss(record: DeploymentRecord, state: ClusterState) -> str:
    """How things stand after a deployment was lost, and what a person may want to do."""
    if record.status is Status.QUEUED:
        return "lost by the engine while it waited: nothing was touched. Ask for it again"
    serving = [
        f"{g.name} ({format_share(state.split.share(g.name))}, {g.healthy} of {g.desired} healthy)"
        for g in state.groups
        if state.split.share(g.name)
    ]
    where = f"traffic is on {', '.join(serving)}" if serving else "nothing is served"
    left = [
        g.name for g in state.groups if g.deployment == record.id and not state.split.share(g.name)
    ]
    hint = f"; {left[0]} is left without traffic: turnout destroy {left[0]}" if left else ""
    return f"lost by the engine on its way: {where}{hint}"


def _thinned(state: ClusterState) -> ClusterState:
    """Without what instances said: it is remembered in every history."""
    return state.model_copy(update={"groups": tuple(_thin_group(g) for g in state.groups)})


def _thin_group(group: ServerGroup) -> ServerGroup:
    thin = tuple(Instance(id=i.id, state=i.state) for i in group.instances)
    return group.model_copy(update={"instances": thin})
