from tests.unit.demo import records
from turnout.api.views import ClusterView
from turnout.demo.picture import Kind, build_picture, judge_of
from turnout.model.servers import Instance, InstanceState, Role, ServerGroup
from turnout.model.traffic import GroupTraffic, TrafficSplit


def group(name: str, role: Role, healthy: int) -> ServerGroup:
    instances = tuple(
        Instance(id=f"i-{n}", state=InstanceState.HEALTHY, port=40000 + n) for n in range(healthy)
    )
    return records.OLD.model_copy(update={"name": name, "role": role, "instances": instances})


def cluster() -> ClusterView:
    """Three kinds with users, and a warm group without."""
    groups = (
        group("shop-v000", Role.PRODUCTION, 2),
        group("shop-v001", Role.BASELINE, 1),
        group("shop-v002", Role.CANARY, 1),
        group("shop-v999", Role.PRODUCTION, 2),
    )
    shares = {"shop-v000": 800, "shop-v001": 100, "shop-v002": 100}
    state = records.STATE.model_copy(
        update={"groups": groups, "split": TrafficSplit(shares=shares, generation=4)}
    )
    traffic = {
        "shop-v000": GroupTraffic(requests=1800, failed=3),
        "shop-v001": GroupTraffic(requests=100),
        "shop-v002": GroupTraffic(requests=101, failed=5),
    }
    return ClusterView(state=state, traffic=traffic, running=None, waiting=(), address=None)


def test_the_three_kinds_stand_side_by_side_with_what_was_counted_since() -> None:
    begun = {"shop-v000": GroupTraffic(requests=1000, failed=3)}
    picture = build_picture(cluster(), begun, "24s to go", lambda name: name[-4:])
    assert picture.kinds == (
        Kind("production", "v000", 2, 800, 800, 0),
        Kind("baseline", "v001", 1, 100, 100, 0),
        Kind("canary", "v002", 1, 100, 101, 5),
    )
    assert picture.judge == "24s to go"


def test_the_judge_is_heard_only_while_something_is_compared() -> None:
    assert judge_of(records.comparing("24s to go: nothing yet")) == "24s to go: nothing yet"
    assert judge_of(records.comparing(ended="Failed after 8 s.")) is None
    assert judge_of(records.switched()) is None
