"""Deployments of a shop as the journal tells them: real plans, made-up times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from turnout.api.views import ClusterView, DeploymentView
from turnout.model.deployment import (
    ClusterState,
    Kind,
    Options,
    Request,
    Service,
    Status,
    StrategyName,
)
from turnout.model.journal import DeploymentRecord, SplitRecord, StepRecord, StepState
from turnout.model.plan import Plan, Step
from turnout.model.servers import GroupSettings, Run, ServerGroup
from turnout.model.traffic import Listener, TrafficSplit
from turnout.strategies.planning import plan_deployment

NOW = datetime(2025, 11, 23, 13, 3, 7, tzinfo=UTC)
LISTENER = Listener(cluster="shop", port=8080)
TRIPPED = "check trip wires: p99 812 ms (4 ms before), at most 104 ms allowed"


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def settings(version: str) -> GroupSettings:
    return GroupSettings(version=version, run=Run(command=("./serve",), folder="/srv/shop"))


OLD = ServerGroup(
    name="shop-v000",
    cluster="shop",
    settings=settings("1"),
    desired=2,
    created_at=NOW - seconds(60),
    deployment="d-1",
)
STATE = ClusterState(
    cluster="shop",
    groups=(OLD,),
    split=TrafficSplit(shares={OLD.name: 1000}, generation=3),
    listener=LISTENER,
    newest=OLD.name,
)
EMPTY = ClusterState(cluster="shop")


def request(version: str = "2", *, rolling: bool = False) -> Request:
    options = Options(watch=seconds(30), step_hold=seconds(4 if rolling else 0))
    service = Service(
        application="shop",
        settings=settings(version),
        instances=2,
        listener=LISTENER,
        strategy=StrategyName.ROLLING_BLUE_GREEN if rolling else StrategyName.BLUE_GREEN,
        options=options,
    )
    return Request(
        id=f"d-{version}", kind=Kind.DEPLOY, cluster="shop", requested_at=NOW, service=service
    )


def plan(asked: Request | None = None, state: ClusterState = STATE) -> Plan:
    return plan_deployment(asked or request(), state)


def record(status: Status = Status.RUNNING, **changes: Any) -> DeploymentRecord:
    wanted: dict[str, Any] = {
        "request": request(),
        "status": status,
        "sentence": "",
        "plan": plan(),
        "started_at": NOW,
    }
    return DeploymentRecord(**(wanted | changes))


def step(
    planned: Step, number: int, begun: float, ended: float | None, **changes: Any
) -> StepRecord:
    wanted: dict[str, Any] = {
        "deployment": "d-2",
        "number": number,
        "step": planned.id,
        "title": planned.title,
        "op": planned.operation.op,
        "state": StepState.RUNNING if ended is None else StepState.SUCCEEDED,
        "started_at": NOW + seconds(begun),
        "ended_at": None if ended is None else NOW + seconds(ended),
    }
    return StepRecord(**(wanted | changes))


def split(generation: int, shares: dict[str, int], asked: float, confirmed: float) -> SplitRecord:
    return SplitRecord(
        cluster="shop",
        generation=generation,
        shares=shares,
        deployment="d-2",
        requested_at=NOW + seconds(asked),
        confirmed_at=NOW + seconds(confirmed),
    )


def switched() -> DeploymentView:
    """Version 2 has all traffic, and is watched."""
    pin, create, ready, switch, watch, *_ = plan().steps
    steps = (
        step(pin, 1, 0.0, 0.01),
        step(create, 2, 0.01, 0.09),
        step(ready, 3, 0.1, 5.1),
        step(switch, 4, 5.16, 5.21),
        step(watch, 5, 5.22, None),
    )
    splits = (split(4, {"shop-v001": 1000}, 5.2, 5.208),)
    return DeploymentView(record=record(), steps=steps, splits=splits, checks=())


def starting() -> DeploymentView:
    """Version 2 is not healthy yet."""
    now = switched()
    waiting = now.steps[2].model_copy(update={"state": StepState.RUNNING, "ended_at": None})
    return now.model_copy(update={"steps": (*now.steps[:2], waiting), "splits": ()})


def _ended_watch(state: StepState, at: float, said: str) -> StepRecord:
    ended = {"state": state, "ended_at": NOW + seconds(at), "said": said}
    return switched().steps[4].model_copy(update=ended)


def succeeded() -> DeploymentView:
    """Version 2 serves."""
    drain, release = plan().steps[-2:]
    steps = (
        *switched().steps[:4],
        _ended_watch(StepState.SUCCEEDED, 35.2, "nothing tripped"),
        step(drain, 6, 35.2, 35.3, said="all requests are done"),
        step(release, 7, 35.3, 35.4),
    )
    done = record(Status.SUCCEEDED, ended_at=NOW + seconds(35.5))
    return switched().model_copy(update={"record": done, "steps": steps})


def rolled_back() -> DeploymentView:
    """Version 2 was worse, and was taken back."""
    back = (
        ("make sure that 1 of shop-v000 are healthy", "await_ready"),
        ("return traffic: shop-v000 100 %", "replace_split"),
        ("let the requests on shop-v001 finish", "drain_group"),
        ("destroy shop-v001", "destroy_group"),
    )
    way_back = tuple(
        StepRecord(
            deployment="d-2",
            number=6 + number,
            step=f"back-{op}",
            title=title,
            op=op,
            way_back=True,
            state=StepState.SUCCEEDED,
            started_at=NOW + seconds(9.1 + number / 10),
            ended_at=NOW + seconds(9.15 + number / 10),
        )
        for number, (title, op) in enumerate(back)
    )
    taken = record(
        Status.ROLLED_BACK,
        detected_at=NOW + seconds(9),
        decided_at=NOW + seconds(9.01),
        returned_at=NOW + seconds(9.19),
        ended_at=NOW + seconds(9.5),
    )
    now = switched()
    return DeploymentView(
        record=taken,
        steps=(*now.steps[:4], _ended_watch(StepState.FAILED, 9, TRIPPED), *way_back),
        splits=(*now.splits, split(5, {"shop-v000": 1000}, 9.13, 9.19)),
        checks=(),
    )


def cluster() -> ClusterView:
    """Only version 1 is there, and serves."""
    return ClusterView(state=STATE, traffic={}, running=None, waiting=(), address=None)


def canary_request() -> Request:
    """Version 2 by canary, a tenth of the users each."""
    options = Options(
        traffic=100, canary_instances=2, warmup=seconds(1), duration=seconds(25), keep=2
    )
    asked = request()
    assert asked.service is not None
    service = asked.service.model_copy(update={"strategy": StrategyName.CANARY, "options": options})
    return asked.model_copy(update={"service": service})


def comparing(said: str = "24s to go: nothing seen yet", ended: str = "") -> DeploymentView:
    """The canary is compared with its baseline; with `ended` it has failed."""
    planned = plan(canary_request())
    reached = [s.id for s in planned.steps].index("analyse-100")
    steps = tuple(
        step(one, number, number, number + 0.5)
        for number, one in enumerate(planned.steps[:reached], 1)
    )
    last = step(planned.steps[reached], reached + 1, reached + 1, 30 if ended else None)
    changes: dict[str, Any] = {"waiting_for": said}
    if ended:
        changes = {"state": StepState.FAILED, "said": ended}
    shares = {"shop-v000": 800, "shop-v001": 100, "shop-v002": 100}
    return DeploymentView(
        record=record(request=canary_request(), plan=planned),
        steps=(*steps, last.model_copy(update=changes)),
        splits=(split(4, shares, 6.2, 6.208),),
        checks=(),
    )
