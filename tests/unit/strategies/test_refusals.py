"""What must not start, and says why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, state_of, text
from turnout.model.deployment import ClusterState, Kind, Options, Request, Service, StrategyName
from turnout.model.errors import Conflict
from turnout.model.traffic import Listener, Sticky
from turnout.strategies import plan_deployment
from turnout.strategies.draft import fingerprint


def deploy(
    strategy: StrategyName = StrategyName.BLUE_GREEN,
    *,
    service: dict[str, Any] | None = None,
    **changes: Any,
) -> Request:
    """A deployment of version 3 whose service and request differ from the usual in some fields."""
    request = worlds.deploy(strategy)
    assert request.service is not None
    changed: Service = request.service.model_copy(update=service or {})
    return request.model_copy(update={"service": changed, **changes})


def refusal(request: Request, state: ClusterState) -> str:
    return plan_deployment(request, state).refused_rule


def test_a_held_cluster_says_why_and_how_to_release_it() -> None:
    assert planned(deploy(), worlds.running(), held="anna looks into it") == text(
        """
        deploy shop 3 by blue_green
        refused (held): shop is held: anna looks into it. Release it with: turnout release shop (--force overrides)
        """  # noqa: E501 - as it is printed
    )


def test_a_frozen_cluster_says_until_when() -> None:
    assert planned(deploy(), worlds.running(), frozen="the sale, until Monday") == text(
        """
        deploy shop 3 by blue_green
        refused (frozen): shop is frozen: the sale, until Monday. Wait until that is over (--force overrides; a rollback is never frozen)
        """  # noqa: E501 - as it is printed
    )


@pytest.mark.parametrize("strategy", list(StrategyName))
@pytest.mark.parametrize("state", ["held", "frozen"])
def test_no_strategy_starts_while_held_or_frozen_unless_forced(
    strategy: StrategyName, state: str
) -> None:
    changes: dict[str, object] = {state: "because"}
    observed = state_of(worlds.running(), **changes)
    assert refusal(deploy(strategy), observed) == state
    assert refusal(deploy(strategy, force="the site burns"), observed) == ""


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.DEPLOY])
def test_a_person_at_work_is_not_stopped_by_a_hold(kind: Kind) -> None:
    request = worlds.operation(kind, group="shop-v001", instances=3)
    assert refusal(request, state_of(worlds.running(), held="because")) == ""


def test_a_stale_plan_is_refused_also_when_forced() -> None:
    world = worlds.running()
    agreed = plan_deployment(deploy(), state_of(world)).fingerprint
    assert refusal(deploy(fingerprint=agreed), state_of(world)) == ""
    world.groups["shop-v001"] = world.groups["shop-v001"].model_copy(update={"desired": 3})
    planned_with_force = plan_deployment(
        deploy(force="now"), state_of(worlds.running())
    ).fingerprint
    assert planned(deploy(fingerprint=planned_with_force, force="now"), world) == text(
        f"""
        deploy shop
        refused (stale_plan): this is not what was planned: shop, or what is asked for, is not as it was when the plan {planned_with_force} was made. Plan again
        """  # noqa: E501 - as it is printed
    )


@pytest.mark.parametrize(
    "other",
    [
        {"service": {"settings": worlds.settings("4")}},
        {"strategy": StrategyName.DARK},
        {"service": {"listener": Listener(cluster="shop", port=9000)}},
        {"service": {"instances": 7}},
        {"service": {"options": Options(watch=timedelta(minutes=1))}},
        {"force": "now"},
    ],
)
def test_a_plan_is_not_carried_out_for_something_else(other: dict[str, Any]) -> None:
    state = state_of(worlds.running())
    agreed = plan_deployment(deploy(), state).fingerprint
    assert refusal(deploy(fingerprint=agreed, **other), state) == "stale_plan"


def test_who_asks_why_and_when_is_no_part_of_a_plan() -> None:
    state = state_of(worlds.running())
    agreed = plan_deployment(deploy(), state).fingerprint
    asked = deploy(fingerprint=agreed, by="ana", reason="it is time", id="d-77")
    assert refusal(asked, state) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"groups": ()},
        {"newest": "shop-v005"},
        {"held": "because"},
        {"listener": None},
        {"split": worlds.shared_out().listeners["shop"].split},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_plan_depends_on_what_it_was_made_from(change: dict[str, object]) -> None:
    assert fingerprint(deploy(), state_of(worlds.running())) != fingerprint(
        deploy(), state_of(worlds.running(), **change)
    )


def test_a_plan_does_not_depend_on_how_instances_fare() -> None:
    assert fingerprint(deploy(), state_of(worlds.running())) == fingerprint(
        deploy(), state_of(worlds.dead())
    )


def test_a_listener_with_users_is_not_moved() -> None:
    moved = {"listener": Listener(cluster="shop", port=9000)}
    assert planned(deploy(service=moved), worlds.running()) == text(
        """
        deploy shop 3 by blue_green
        refused (listener_moved): shop serves on 127.0.0.1:8080; moving it to 127.0.0.1:9000 would cut off its users. Deploy under another name beside it (--force moves it)
        """  # noqa: E501 - as it is printed
    )


def test_force_moves_the_listener_and_the_way_back_returns_it() -> None:
    moved = {"listener": Listener(cluster="shop", port=9000)}
    plan = plan_deployment(deploy(service=moved, force="we told them"), state_of(worlds.running()))
    assert plan.steps[0].title == "listen on 127.0.0.1:9000"
    assert plan.listener_before == worlds.listener()


def test_a_listener_without_users_may_move() -> None:
    moved = {"listener": Listener(cluster="shop", port=9000)}
    world = worlds.world(worlds.group("shop-v001", "1", 2, 2), shares={})
    assert refusal(deploy(service=moved), state_of(world)) == ""


def test_a_listener_may_get_new_settings_where_it_is() -> None:
    sticky = worlds.listener().model_copy(update={"sticky": Sticky(by="cookie", name="v")})
    plan = plan_deployment(deploy(service={"listener": sticky}), state_of(worlds.running()))
    assert plan.steps[0].title == "listen on 127.0.0.1:8080 with new settings"


@pytest.mark.parametrize("strategy", [s for s in StrategyName if s is not StrategyName.DARK])
def test_what_serves_already_is_not_deployed_again(strategy: StrategyName) -> None:
    same = deploy(strategy, service={"settings": worlds.settings("2")})
    assert planned(same, worlds.running()) == text(
        f"""
        deploy shop 2 by {strategy}
        note: shop-v002 already serves version 2 with the same settings: nothing to do (--force deploys it again)
        """  # noqa: E501 - as it is printed
    )


@pytest.mark.parametrize(
    "difference",
    [
        {"settings": worlds.settings("2").model_copy(update={"restart_budget": 9})},
        {"options": Options(instances=3)},
        {"listener": Listener(cluster="shop", port=8080, sticky=Sticky(by="cookie", name="v"))},
    ],
    ids=["settings", "instances", "listener"],
)
def test_the_same_version_with_anything_else_changed_is_deployed(
    difference: dict[str, Any],
) -> None:
    request = deploy(service={"settings": worlds.settings("2"), **difference})
    assert plan_deployment(request, state_of(worlds.running())).new_group == "shop-v003"


def test_the_same_version_is_deployed_over_a_group_that_is_not_well() -> None:
    request = deploy(service={"settings": worlds.settings("2")})
    assert plan_deployment(request, state_of(worlds.dead())).new_group == "shop-v003"


def test_force_deploys_the_same_version_again() -> None:
    request = deploy(service={"settings": worlds.settings("2")}, force="I want to see it")
    assert plan_deployment(request, state_of(worlds.running())).new_group == "shop-v003"


def test_a_cluster_that_served_once_is_not_called_new() -> None:
    world = worlds.world(worlds.group("shop-v001", "1", 2, 2), shares={})
    (note,) = plan_deployment(deploy(), state_of(world)).notes
    assert note.startswith(
        "nothing of shop serves now, so traffic goes to the new group in one step"
    )


def test_a_thousand_groups_leave_no_name() -> None:
    groups = tuple(worlds.group(f"shop-v{n:03d}", "1", 1, 9) for n in range(1000))
    with pytest.raises(Conflict, match="1000 server groups"):
        plan_deployment(deploy(), ClusterState(cluster="shop", groups=groups))


def test_numbering_goes_on_after_v999_with_the_first_free_name() -> None:
    groups = (worlds.group("shop-v999", "1", 1, 2), worlds.group("shop-v000", "1", 1, 3))
    state = ClusterState(cluster="shop", groups=groups, newest="shop-v999")
    assert plan_deployment(deploy(), state).new_group == "shop-v001"


def test_a_deployment_without_a_service_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="carries a service"):
        plan_deployment(deploy().model_copy(update={"service": None}), state_of(worlds.empty()))


def test_the_size_of_the_source_is_that_of_the_largest_group_that_serves() -> None:
    """After a rolling deployment that was stopped half way the newer one is still small."""
    world = worlds.world(
        worlds.group("shop-v001", "1", 4, 2),
        worlds.group("shop-v002", "2", 2, 1),
        shares={"shop-v001": 500, "shop-v002": 500},
    )
    plan = plan_deployment(deploy(), state_of(world))
    assert plan.steps[-1].sizes_after["shop-v003"] == 4


def test_a_longer_drain_of_the_new_service_holds_for_the_old_one_too() -> None:
    patient = worlds.settings("3").model_copy(update={"drain_timeout": timedelta(minutes=5)})
    hasty = worlds.settings("3").model_copy(update={"drain_timeout": timedelta(seconds=1)})
    for settings, waits in ((patient, timedelta(minutes=5)), (hasty, timedelta(seconds=30))):
        plan = plan_deployment(deploy(service={"settings": settings}), state_of(worlds.running()))
        (drain,) = (s for s in plan.steps if s.id == "drain-shop-v002")
        assert drain.longest == waits
