"""The test of the test: what breaks a rule on purpose is noticed by that rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.properties import worlds
from tests.properties.explorer import Broken, Budget, Explorer
from tests.properties.rules import RULES
from turnout.engine.operations.servers import ServerOperations
from turnout.model.deployment import Request, StrategyName
from turnout.model.plan import (
    AwaitReady,
    CreateGroup,
    DestroyGroup,
    PinGroup,
    Plan,
    ReplaceSplit,
    ResizeGroup,
    Step,
    StepAnswer,
)
from turnout.ports import Order
from turnout.strategies import progress as machine
from turnout.strategies.rollback import WayBack, plan_way_back
from turnout.testing import MemoryProvider, MemoryRouter, World

NOTHING = Budget(faults=0, deaths=0, cancels=0)
FAULT = Budget(faults=1, deaths=0, cancels=0)


def explore(
    alter: Callable[[Plan], Plan] = lambda plan: plan,
    *,
    budget: Budget = FAULT,
    request: Request | None = None,
    start: World | None = None,
) -> None:
    made = request or worlds.deploy(
        StrategyName.BLUE_GREEN, watch=timedelta(milliseconds=200), keep=1
    )
    Explorer(start or worlds.running(), made, rules=RULES, budget=budget, alter=alter).run()


def without(plan: Plan, kind: type[object]) -> Plan:
    kept = [s for s in plan.steps if not isinstance(s.operation, kind)]
    gone_before_commit = sum(isinstance(s.operation, kind) for s in plan.steps[: plan.commit])
    return plan.model_copy(
        update={"steps": tuple(kept), "commit": plan.commit - gone_before_commit}
    )


def with_first(plan: Plan, step: Step) -> Plan:
    return plan.model_copy(update={"steps": (step, *plan.steps), "commit": plan.commit + 1})


def test_the_plan_as_it_is_breaks_nothing() -> None:
    explore()


def test_rule_1_notices_shares_that_do_not_total_1000(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = MemoryRouter.apply_split

    async def forgetful(self: MemoryRouter, cluster: str, *rest: object) -> object:
        split = await honest(self, cluster, *rest)  # type: ignore[arg-type]
        split.shares.update(dict.fromkeys(split.shares, 900))
        return split

    monkeypatch.setattr(MemoryRouter, "apply_split", forgetful)
    with pytest.raises(Broken, match="rule 1"):
        explore(budget=NOTHING)


def test_rule_2_notices_traffic_for_a_group_that_is_not_ready() -> None:
    def rash(plan: Plan) -> Plan:
        plan = without(plan, AwaitReady)
        steps = tuple(
            s.model_copy(update={"operation": s.operation.model_copy(update={"ready": {}})})
            if isinstance(s.operation, ReplaceSplit)
            else s
            for s in plan.steps
        )
        return plan.model_copy(update={"steps": steps})

    with pytest.raises(Broken, match="rule 2"):
        explore(rash, budget=NOTHING)


def test_rule_3_notices_a_source_that_is_destroyed_too_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unguarded(
        self: ServerOperations, operation: DestroyGroup, cluster: str, order: Order
    ) -> StepAnswer:
        await self._provider.apply_destroyed(operation.group, order)
        return StepAnswer(ok=True)

    monkeypatch.setattr(ServerOperations, "destroy", unguarded)
    early = Step(id="early", title="too early", operation=DestroyGroup(group="shop-v002"))
    with pytest.raises(Broken, match=r"rule [23]"):
        explore(lambda plan: with_first(plan, early), budget=NOTHING)


def test_rule_3_notices_a_source_that_is_shrunk_too_early() -> None:
    early = Step(
        id="early", title="too early", operation=ResizeGroup(group="shop-v002", instances=1)
    )
    with pytest.raises(Broken, match="rule 3"):
        explore(lambda plan: with_first(plan, early), budget=NOTHING)


def test_rule_4_notices_a_second_group() -> None:
    def twice(plan: Plan) -> Plan:
        create = next(s for s in plan.steps if isinstance(s.operation, CreateGroup))
        other = create.operation.model_copy(update={"group": "shop-v004"})
        return with_first(plan, create.model_copy(update={"id": "twice", "operation": other}))

    with pytest.raises(Broken, match="rule 4"):
        explore(twice, budget=NOTHING)


def test_rule_5_notices_success_without_the_split_of_the_plan() -> None:
    request = worlds.deploy(StrategyName.BLUE_GREEN, keep=3)
    with pytest.raises(Broken, match="rule 5"):
        explore(lambda plan: without(plan, ReplaceSplit), budget=NOTHING, request=request)


def test_rule_6_notices_a_hand_on_another_cluster() -> None:
    stray = Step(id="stray", title="stray", operation=ResizeGroup(group="cart-v000", instances=2))
    with pytest.raises(Broken, match="rule 6"):
        explore(lambda plan: with_first(plan, stray), budget=NOTHING)


def test_rule_7_notices_a_pin_that_is_not_released() -> None:
    def forgetful(plan: Plan) -> Plan:
        kept = tuple(
            s
            for s in plan.steps
            if not (isinstance(s.operation, PinGroup) and not s.operation.minimum)
            and not (isinstance(s.operation, DestroyGroup) and s.operation.group == "shop-v002")
        )
        return plan.model_copy(update={"steps": kept})

    with pytest.raises(Broken, match="rule 7"):
        explore(forgetful, budget=NOTHING)


def test_a_way_back_that_does_not_fence_off_late_splits_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Leaving the split alone because it looks right lets a late switch through."""

    def unfenced(plan: Plan, attempted: object, **rest: object) -> WayBack:
        way = plan_way_back(plan, attempted, **rest)  # type: ignore[arg-type]
        return WayBack((), way.cleaning)

    monkeypatch.setattr(machine, "plan_way_back", unfenced)
    request = worlds.deploy(StrategyName.BLUE_GREEN, keep_failed=True)
    with pytest.raises(Broken, match="rule 5"):
        explore(request=request)


def test_a_provider_that_forgets_what_it_destroyed_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A late create brings back a group that the way back had destroyed."""

    async def forgetful(self: MemoryProvider, group: str, order: object) -> None:
        self.world.groups.pop(group, None)

    monkeypatch.setattr(MemoryProvider, "apply_destroyed", forgetful)
    with pytest.raises(Broken, match="rule 7"):
        explore()


def test_a_provider_that_obeys_late_commands_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A late pin lands after its release."""
    monkeypatch.setattr(MemoryProvider, "_is_late", lambda self, group, order: False)
    with pytest.raises(Broken, match="rule 7"):
        explore(request=worlds.deploy(StrategyName.BLUE_GREEN, keep=3))
