"""What a server would say: documents built from the real models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.unit.cli.plans import blue_green
from turnout.cli.answers import ClusterView, DeploymentView
from turnout.model.checks import CheckAnswer, Verdict
from turnout.model.deployment import (
    Choice,
    ClusterState,
    Kind,
    Options,
    Request,
    Service,
    Status,
)
from turnout.model.journal import (
    CheckRecord,
    DeploymentRecord,
    Question,
    SplitRecord,
    StepRecord,
    StepState,
)
from turnout.model.plan import Step
from turnout.model.servers import (
    GroupSettings,
    HttpProbe,
    Instance,
    InstanceState,
    Probe,
    Run,
    ServerGroup,
)
from turnout.model.traffic import GroupTraffic, Listener, TrafficSplit
from turnout.model.value import Value

NOW = datetime(2025, 11, 23, 13, 3, 7, tzinfo=UTC)
ZONE = timezone(timedelta(hours=1), "CET")
LISTENER = Listener(cluster="shop", port=8080)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def settings(version: str) -> GroupSettings:
    return GroupSettings(
        version=version,
        run=Run(command=("./serve", "--port", "$PORT"), folder="/srv/shop"),
        probe=Probe(request=HttpProbe(path="/healthz")),
    )


def service(version: str = "1.2.0", **changes: Any) -> Service:
    wanted: dict[str, Any] = {
        "application": "shop",
        "settings": settings(version),
        "instances": 2,
        "listener": LISTENER,
        "options": Options(watch=seconds(30), ready_deadline=seconds(120)),
    }
    return Service(**(wanted | changes))


def instance(number: int, state: InstanceState = InstanceState.HEALTHY, said: str = "") -> Instance:
    return Instance(
        id=f"i-{number:03x}",
        state=state,
        port=40100 + number,
        pid=9000 + number,
        since=NOW - seconds(12),
        probe_said=said or f"GET /healthz on 127.0.0.1:{40100 + number}: 200",
    )


def group(
    number: int,
    version: str,
    *,
    instances: Sequence[Instance] = (),
    desired: int = 2,
    before: float = 3600 * 3 + 720,
) -> ServerGroup:
    return ServerGroup(
        name=f"shop-v{number:03d}",
        cluster="shop",
        settings=settings(version),
        desired=desired,
        created_at=NOW - seconds(before),
        deployment="d-before",
        instances=tuple(instances),
    )


OLD = group(0, "1.1.0", instances=(instance(1), instance(2)))
WARMING = 'GET /healthz on 127.0.0.1:40104: 503 "warming up"'
NEW = group(
    1,
    "1.2.0",
    instances=(instance(3), instance(4, InstanceState.STARTING, WARMING)),
    before=12,
)


def state(shares: dict[str, int] | None = None, **changes: Any) -> ClusterState:
    wanted: dict[str, Any] = {
        "cluster": "shop",
        "groups": (OLD,),
        "split": TrafficSplit(shares={OLD.name: 1000} if shares is None else shares, generation=3),
        "listener": LISTENER,
        "newest": OLD.name,
    }
    return ClusterState(**(wanted | changes))


def request(kind: Kind = Kind.DEPLOY, **changes: Any) -> Request:
    wanted: dict[str, Any] = {
        "id": "d-k3v9x2m7qa",
        "kind": kind,
        "cluster": "shop",
        "requested_at": NOW,
        "by": "anna@build1",
        "service": service() if kind is Kind.DEPLOY else None,
    }
    return Request(**(wanted | changes))


def record(status: Status = Status.RUNNING, **changes: Any) -> DeploymentRecord:
    made = blue_green()
    wanted: dict[str, Any] = {
        "request": request(),
        "status": status,
        "sentence": made.title,
        "plan": made,
        "started_at": NOW,
    }
    return DeploymentRecord(**(wanted | changes))


def step(
    planned: Step,
    number: int,
    begun: float,
    ended: float | None,
    state: StepState | None = None,
    **changes: Any,
) -> StepRecord:
    wanted: dict[str, Any] = {
        "deployment": "d-k3v9x2m7qa",
        "number": number,
        "step": planned.id,
        "title": planned.title,
        "op": planned.operation.op,
        "state": state or (StepState.RUNNING if ended is None else StepState.SUCCEEDED),
        "started_at": NOW + seconds(begun),
        "ended_at": None if ended is None else NOW + seconds(ended),
    }
    return StepRecord(**(wanted | changes))


def waiting_view() -> DeploymentView:
    """The new group is being waited for."""
    pin, create, ready, *_ = blue_green().steps
    return DeploymentView(
        record=record(sentence=ready.title),
        steps=(
            step(pin, 1, 0.0, 0.01),
            step(create, 2, 0.01, 0.09),
            step(
                ready,
                3,
                0.1,
                None,
                waiting_for=f"1 of 2 healthy; i-004 {WARMING} (4 s)",
                deadline=NOW + seconds(120),
            ),
        ),
    )


def switched_view() -> DeploymentView:
    """All traffic is on the new group, which is being watched."""
    pin, create, ready, switch, watch, *_ = blue_green().steps
    return DeploymentView(
        record=record(sentence=watch.title, switched_at=NOW + seconds(5.208)),
        steps=(
            step(pin, 1, 0.0, 0.01),
            step(create, 2, 0.01, 0.09),
            step(ready, 3, 0.1, 5.15, said="2 of 2 healthy"),
            step(switch, 4, 5.16, 5.21),
            step(watch, 5, 5.22, None, waiting_for="30 s of watching", deadline=NOW + seconds(36)),
        ),
        splits=(split(4, {"shop-v001": 1000}, 5.2, 5.208),),
        checks=(
            check(
                "watch", 6, Verdict.INCONCLUSIVE, "12 requests are too few to judge", requests=12
            ),
            check("watch", 7, Verdict.PASS, "no worse than shop-v000", requests=340, p99_ms=12.5),
            check("watch", 8, Verdict.PASS, "no worse than shop-v000", requests=402, p99_ms=12.75),
        ),
    )


def succeeded_view() -> DeploymentView:
    """The end of a good deployment."""
    before = switched_view()
    *first, watch = before.steps
    drain, release = blue_green().steps[-2:]
    done = watch.model_copy(
        update={
            "state": StepState.SUCCEEDED,
            "ended_at": NOW + seconds(35.22),
            "said": "nothing tripped in 30s",
            "waiting_for": "",
        }
    )
    return before.model_copy(
        update={
            "record": record(
                Status.SUCCEEDED,
                sentence=f"{blue_green().title}: done",
                switched_at=NOW + seconds(5.208),
                ended_at=NOW + seconds(35.3),
            ),
            "steps": (
                *first,
                done,
                step(drain, 6, 35.22, 35.27, said="0 requests left"),
                step(release, 7, 35.27, 35.29),
            ),
        }
    )


TRIPPED = "trip wires: 48 ‰ of 340 requests failed, 0 ‰ before the switch"


def rolled_back_view() -> DeploymentView:
    """The new group failed its users and was taken back."""
    before = switched_view()
    *first, watch = before.steps
    failed = watch.model_copy(
        update={
            "state": StepState.FAILED,
            "ended_at": NOW + seconds(9),
            "said": TRIPPED,
            "waiting_for": "",
        }
    )
    back = [
        ("back-ready-shop-v000", "make sure that 1 of shop-v000 are healthy", "await_ready"),
        ("back-split", "return traffic: shop-v000 100 %", "replace_split"),
        ("back-drain-shop-v001", "let the requests on shop-v001 finish", "drain_group"),
        ("back-destroy-shop-v001", "destroy shop-v001", "destroy_group"),
    ]
    steps = [
        StepRecord(
            deployment="d-k3v9x2m7qa",
            number=6 + i,
            step=name,
            title=title,
            op=op,
            way_back=True,
            state=StepState.SUCCEEDED,
            started_at=NOW + seconds(9.02 + i / 10),
            ended_at=NOW + seconds(9.1 + i / 10),
        )
        for i, (name, title, op) in enumerate(back)
    ]
    return DeploymentView(
        record=record(
            Status.ROLLED_BACK,
            sentence=f"rolled back, traffic is back on shop-v000: {TRIPPED}",
            cause=TRIPPED,
            switched_at=NOW + seconds(5.208),
            detected_at=NOW + seconds(9),
            decided_at=NOW + seconds(9.012),
            returned_at=NOW + seconds(9.19),
            ended_at=NOW + seconds(9.5),
            failed_requests=17,
        ),
        steps=(*first, failed, *steps),
        splits=(*before.splits, split(5, {"shop-v000": 1000}, 9.13, 9.19)),
        checks=(*before.checks, check("watch", 9, Verdict.FAIL, TRIPPED, requests=340, failed=17)),
    )


def analysing_view(said: str) -> DeploymentView:
    """A canary beside its baseline."""
    before = waiting_view()
    *first, last = before.steps
    comparing = last.model_copy(
        update={
            "op": "analyse",
            "step": "analyse-50",
            "title": "compare shop-v001 with shop-v000",
            "waiting_for": said,
        }
    )
    record = before.record.model_copy(update={"sentence": comparing.title})
    return before.model_copy(update={"record": record, "steps": (*first, comparing)})


def paused_view(default: Choice = Choice.ROLLBACK) -> DeploymentView:
    """A person is asked."""
    before = waiting_view()
    question = Question(
        sentence="smoke test cannot be made: connection refused. What now?",
        choices=(Choice.RETRY, Choice.ROLLBACK, Choice.STOP, Choice.CONTINUE),
        asked_at=NOW + seconds(6),
        until=NOW + timedelta(hours=24),
        default=default,
    )
    asked = record(Status.PAUSED, sentence=question.sentence, question=question)
    return before.model_copy(update={"record": asked})


def split(generation: int, shares: dict[str, int], asked: float, confirmed: float) -> SplitRecord:
    return SplitRecord(
        cluster="shop",
        generation=generation,
        shares=shares,
        deployment="d-k3v9x2m7qa",
        requested_at=NOW + seconds(asked),
        confirmed_at=NOW + seconds(confirmed),
    )


def check(step: str, at: float, verdict: Verdict, sentence: str, **figures: float) -> CheckRecord:
    answer = CheckAnswer(check="trip wires", verdict=verdict, sentence=sentence, figures=figures)
    return CheckRecord(deployment="d-k3v9x2m7qa", step=step, at=NOW + seconds(at), answer=answer)


def cluster_view(shares: dict[str, int] | None = None, **changes: Any) -> ClusterView:
    wanted: dict[str, Any] = {
        "state": state(
            {"shop-v000": 750, "shop-v001": 250} if shares is None else shares,
            groups=(OLD, NEW),
            newest=NEW.name,
        ),
        "traffic": {
            "shop-v000": GroupTraffic(requests=88120, failed=3),
            "shop-v001": GroupTraffic(requests=1204),
        },
        "running": record(sentence=blue_green().steps[2].title),
        "address": "http://127.0.0.1:8080",
    }
    return ClusterView(**(wanted | changes))


def document(value: Value) -> Any:
    """As the server sends it."""
    return value.model_dump(mode="json")
