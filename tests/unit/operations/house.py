"""Operations on ports in memory, with everything that they wrote down and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from turnout.engine.operations import OperationContext, Operations
from turnout.model.checks import Check, CheckAnswer, Verdict
from turnout.model.journal import CheckRecord
from turnout.model.plan import Operation, StepAnswer
from turnout.model.servers import InstanceState, ServerGroup
from turnout.model.traffic import DrainReport
from turnout.ports import CheckContext
from turnout.testing import (
    MemoryAnalyst,
    MemoryChecker,
    MemoryClock,
    MemoryDrainer,
    MemoryJournal,
    MemoryMetrics,
    MemoryProvider,
    MemoryRouter,
    World,
)


class SlowDrainer(MemoryDrainer):
    """Something is left when the time is up."""

    def __init__(self, left: DrainReport) -> None:
        self.left = left
        self.asked: list[tuple[str, str, timedelta]] = []

    async def await_drained(
        self, cluster: str, group: str, instances: object, timeout: timedelta
    ) -> DrainReport:
        self.asked.append((cluster, group, timeout))
        return self.left


class ScriptedChecker(MemoryChecker):
    """Answers each check with one verdict after the other; the last one stays."""

    def __init__(self, verdicts: Mapping[str, tuple[Verdict, ...]]) -> None:
        super().__init__()
        self.scripts = {name: list(script) for name, script in verdicts.items()}
        self.contexts: list[CheckContext] = []

    async def answer(self, check: Check, context: CheckContext) -> CheckAnswer:
        self.contexts.append(context)
        script = self.scripts.get(check.name, [Verdict.PASS])
        verdict = script.pop(0) if len(script) > 1 else script[0]
        return CheckAnswer(
            check=check.name, verdict=verdict, sentence=f"said {verdict}", figures={"p99_ms": 12}
        )


@dataclass
class House:
    """A world, and operations on it."""

    world: World
    checker: MemoryChecker = field(default_factory=MemoryChecker)
    drainer: MemoryDrainer = field(default_factory=MemoryDrainer)
    analyst: MemoryAnalyst = field(default_factory=MemoryAnalyst)
    step: str = "step"
    number: int = 1
    moved_at: datetime | None = None
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = MemoryJournal()
        self.router = MemoryRouter(self.world)
        self.operations = Operations(
            provider=MemoryProvider(self.world),
            router=self.router,
            drainer=self.drainer,
            metrics=MemoryMetrics(self.world),
            checker=self.checker,
            analyst=self.analyst,
            journal=self.journal,
            archive=self.journal,
            clock=MemoryClock(self.world),
            frozen=lambda cluster: f"{cluster} rests" if cluster == "cart" else "",
        )

    async def perform(self, operation: Operation, **changes: object) -> StepAnswer:
        """As the engine does it, on behalf of deployment d-1."""
        context = OperationContext(
            deployment="d-1",
            cluster="shop",
            step=self.step,
            number=self.number,
            moved_at=self.moved_at,
        ).model_copy(update=changes)
        return await self.operations.perform(operation, context, self.said.append)

    @property
    def shares(self) -> dict[str, int]:
        """Who has which traffic."""
        return dict(self.world.listeners["shop"].split.shares)

    async def checks(self) -> tuple[CheckRecord, ...]:
        """What was written down about checks."""
        return (await self.journal.read_steps("d-1"))[2]


def with_states(group: ServerGroup, *states: InstanceState) -> ServerGroup:
    """A group whose instances are in these states, one after the other."""
    instances = tuple(
        i.model_copy(update={"state": s}) for i, s in zip(group.instances, states, strict=True)
    )
    return group.model_copy(update={"instances": instances})
