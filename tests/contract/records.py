"""Records as a real deployment leaves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from turnout.model.analysis import (
    Analysis,
    AnalysisRecord,
    AnalysisSettings,
    AnalysisVerdict,
    Finding,
)
from turnout.model.checks import CheckAnswer, HttpCheck, TripWires, Verdict
from turnout.model.deployment import Kind, Options, Request, Service, Status, StrategyName
from turnout.model.journal import (
    CheckRecord,
    DeploymentRecord,
    Event,
    SplitRecord,
    StepRecord,
    StepState,
)
from turnout.model.plan import (
    AwaitReady,
    CreateGroup,
    DestroyGroup,
    DrainGroup,
    Operation,
    PinGroup,
    Plan,
    ReplaceSplit,
    RunChecks,
    Step,
    Watch,
)
from turnout.model.servers import GroupSettings, HttpProbe, Probe, Run
from turnout.model.traffic import Listener, TrafficSplit

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def minutes(count: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=count)


def a_deployment(
    name: str = "d-1",
    *,
    status: Status = Status.RUNNING,
    cluster: str = "shop",
    at: datetime = NOON,
    **more: Any,
) -> DeploymentRecord:
    """A small record."""
    request = Request(id=name, kind=Kind.DEPLOY, cluster=cluster, requested_at=at, by="ada")
    return DeploymentRecord(request=request, status=status, sentence=f"{name} is {status}", **more)


def a_step(deployment: str = "d-1", number: int = 1, **more: Any) -> StepRecord:
    """A step that has begun."""
    values: dict[str, Any] = {
        "step": f"step-{number}",
        "title": f"Step {number}",
        "op": "create_group",
        "state": StepState.RUNNING,
        "started_at": minutes(number),
    }
    return StepRecord(deployment=deployment, number=number, **{**values, **more})


def a_split(generation: int = 1, *, cluster: str = "shop", deployment: str = "d-1") -> SplitRecord:
    """A confirmed split."""
    return SplitRecord(
        cluster=cluster,
        generation=generation,
        shares={f"{cluster}-v001": 1000},
        deployment=deployment,
        requested_at=minutes(generation),
        confirmed_at=minutes(generation) + timedelta(milliseconds=3),
    )


def a_check(
    deployment: str = "d-1",
    *,
    step: str = "checks",
    at: datetime = NOON,
    name: str = "smoke",
    verdict: Verdict = Verdict.PASS,
) -> CheckRecord:
    """An answer."""
    answer = CheckAnswer(
        check=name, verdict=verdict, sentence="GET /smoke: 200 in 3 ms", figures={"ms": 3.25}
    )
    return CheckRecord(deployment=deployment, step=step, at=at, answer=answer)


def an_event(
    cluster: str = "shop", deployment: str = "", at: datetime = NOON, number: int = 0
) -> Event:
    """An event without its sequence number."""
    return Event(
        at=at,
        cluster=cluster,
        deployment=deployment,
        kind="step.started",
        sentence=f"Something happened ({number})",
        data={"number": number, "share": 0.5, "ok": True, "group": None},
    )


def a_whole_deployment(
    name: str, at: datetime
) -> tuple[
    list[DeploymentRecord], list[StepRecord], list[SplitRecord], list[CheckRecord], list[Event]
]:
    """All that a rolling deployment of one cluster writes down, in the order of its kinds."""
    settings = GroupSettings(
        version="2026.11.23-4f2a91c",
        run=Run(
            command=("python3", "-m", "shop.server", "--port", "$PORT"),
            environment={f"SETTING_{n}": f"some value {n}" for n in range(8)},
            folder="/srv/shop/releases/2026.11.23-4f2a91c",
        ),
        probe=Probe(request=HttpProbe(path="/healthz")),
    )
    service = Service(
        application="shop",
        settings=settings,
        instances=3,
        listener=Listener(cluster="shop", port=8080),
        strategy=StrategyName.ROLLING_BLUE_GREEN,
        options=Options(
            instances=3,
            watch=timedelta(minutes=1),
            step_hold=timedelta(seconds=10),
            before_traffic=(HttpCheck(path="/smoke", matches="ok"),),
            checks=(TripWires(),),
        ),
    )
    shares = [{"shop-v002": share, "shop-v001": 1000 - share} for share in (100, 250, 500, 1000)]
    operations: list[Operation] = [
        PinGroup(group="shop-v001", minimum=3),
        CreateGroup(group="shop-v002", settings=settings, instances=1),
        AwaitReady(group="shop-v002", ready=1, deadline=timedelta(minutes=10)),
        RunChecks(checks=service.options.before_traffic, group="shop-v002", source="shop-v001"),
    ]
    for share in shares:
        operations += [
            AwaitReady(group="shop-v002", ready=3, deadline=timedelta(minutes=10)),
            ReplaceSplit(shares=share, ready={"shop-v002": 3}, replaces=7),
            Watch(
                checks=(TripWires(),),
                group="shop-v002",
                source="shop-v001",
                duration=timedelta(seconds=10),
            ),
        ]
    operations += [
        DrainGroup(group="shop-v001", timeout=timedelta(seconds=30)),
        PinGroup(group="shop-v001", minimum=0),
        DestroyGroup(group="shop-v000"),
    ]
    planned = tuple(
        Step(
            id=f"{operation.op}-{n}",
            title=f"Do {operation.op} with shop-v002 as the plan says",
            operation=operation,
            split_after=TrafficSplit(shares={"shop-v001": 1000}),
            sizes_after={"shop-v001": 3, "shop-v002": 3},
            longest=timedelta(minutes=10),
        )
        for n, operation in enumerate(operations)
    )
    plan = Plan(
        deployment=name,
        cluster="shop",
        title="Deploy 2026.11.23-4f2a91c to shop by rolling blue/green",
        steps=planned,
        notes=("Rolls back to shop-v001, which stays warm.",),
        new_group="shop-v002",
        source="shop-v001",
        before=TrafficSplit(shares={"shop-v001": 1000}, generation=7),
        sizes_before={"shop-v001": 3},
        peak_instances=6,
        destroys=("shop-v000",),
        fingerprint="0" * 64,
    )
    request = Request(
        id=name, kind=Kind.DEPLOY, cluster="shop", requested_at=at, by="ada", service=service
    )
    records = [
        DeploymentRecord(request=request, status=Status.QUEUED, sentence="Waits for its turn"),
        DeploymentRecord(
            request=request, status=Status.RUNNING, sentence="Runs", plan=plan, started_at=at
        ),
        DeploymentRecord(
            request=request,
            status=Status.SUCCEEDED,
            sentence="shop-v002 serves shop, 3 instances, after 4 min 12 s.",
            plan=plan,
            started_at=at,
            ended_at=at + timedelta(minutes=4),
            switched_at=at + timedelta(minutes=1),
        ),
    ]
    steps = [
        a_step(
            name,
            number,
            step=step.id,
            title=step.title,
            op=step.operation.op,
            state=StepState.SUCCEEDED,
            ended_at=minutes(number),
            said="3 of 3 healthy after 2.1 s",
            figures={"healthy": 3.0},
        )
        for number, step in enumerate(planned, 1)
    ]
    splits = [
        a_split(deployment=name).model_copy(
            update={"generation": int(at.timestamp()) * 10 + n, "shares": share}
        )
        for n, share in enumerate(shares)
    ]
    checks = [a_check(name, at=at + timedelta(seconds=n)) for n in range(20)]
    events = [
        an_event(deployment=name, at=at, number=n) for n in range(2 * len(steps) + len(splits) + 3)
    ]
    return records, steps, splits, checks, events


def an_analysis(
    name: str = "a-1",
    *,
    cluster: str = "shop",
    at: datetime = NOON,
    figures: dict[str, float] | None = None,
    **more: Any,
) -> AnalysisRecord:
    """A canary that has begun."""
    analysis = Analysis(
        id=name,
        cluster=cluster,
        experiment=f"{cluster}-v002-canary",
        control=f"{cluster}-v002-baseline",
        settings=AnalysisSettings(),
    )
    finding = Finding(
        verdict=AnalysisVerdict.RUNNING, sentence="nothing found", figures=figures or {}
    )
    values: dict[str, Any] = {"document": {"name": "default"}, "planned_end": at} | more
    return AnalysisRecord(analysis=analysis, began_at=at, finding=finding, **values)
