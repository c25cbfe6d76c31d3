from __future__ import annotations

from turnout.ports import Order
from turnout.providers.local.facts import ClusterFact, Obeyed


def order(deployment: str, number: int) -> Order:
    return Order(deployment=deployment, number=number)


def test_an_order_below_the_last_of_its_deployment_is_late() -> None:
    obeyed = Obeyed().after(order("a", 3))
    assert obeyed.is_late(order("a", 2))
    assert not obeyed.is_late(order("a", 3)), "a repeated one is obeyed again"
    assert not obeyed.is_late(order("a", 4))
    assert not obeyed.is_late(order("b", 1))


def test_orders_of_an_earlier_deployment_stay_late() -> None:
    obeyed = Obeyed().after(order("a", 3)).after(order("b", 1))
    assert obeyed.is_late(order("a", 2))


def test_only_so_many_deployments_are_remembered() -> None:
    obeyed = Obeyed()
    for number in range(100):
        obeyed = obeyed.after(order(f"d{number}", 5))
    assert len(obeyed.orders) == 16
    assert obeyed.is_late(order("d99", 1))


def test_a_tombstone_names_all_who_must_not_raise_the_group() -> None:
    cluster = ClusterFact().after_creation("shop-v000").after_destruction("shop-v000", "a", "b")
    cluster = cluster.after_destruction("shop-v000", "c")
    tombstone = cluster.tombstone("shop-v000")
    assert tombstone is not None
    assert tombstone.deployments == {"a", "b", "c"}
    assert cluster.newest == "shop-v000"


def test_a_group_of_the_same_name_made_anew_has_no_tombstone() -> None:
    cluster = ClusterFact().after_destruction("shop-v000", "a").after_creation("shop-v000")
    assert cluster.tombstone("shop-v000") is None


def test_only_so_many_tombstones_are_kept() -> None:
    cluster = ClusterFact()
    for number in range(200):
        cluster = cluster.after_destruction(f"shop-v{number:03}", "a")
    assert len(cluster.tombstones) == 100
    assert cluster.tombstone("shop-v199") is not None
