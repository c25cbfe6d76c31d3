from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from turnout.api.views import Finding
from turnout.model.deployment import Choice, ClusterState, Kind, Request, Status
from turnout.model.errors import Temporary
from turnout.model.journal import DeploymentRecord, Question, StepRecord, StepState
from turnout.model.servers import GroupSettings, Instance, InstanceState, Run, ServerGroup
from turnout.model.traffic import Listener, TrafficSplit
from turnout.ports import ListenerState
from turnout.server.doctor.clusters import Sources, look_at_clusters
from turnout.server.doctor.judging import Shut, Sight, Work, judge_clusters
from turnout.testing import MemoryClock, MemoryJournal, MemoryProvider, MemoryRouter, World

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEALTHY, UNHEALTHY = InstanceState.HEALTHY, InstanceState.UNHEALTHY


def instance(number: int = 0, state: InstanceState = HEALTHY, **more: object) -> Instance:
    return Instance.model_validate(
        {"id": f"i-{number}", "state": state, "since": NOW - timedelta(hours=1), **more}
    )


def group(name: str, *instances: Instance, desired: int | None = None) -> ServerGroup:
    return ServerGroup(
        name=name,
        cluster="toy",
        settings=GroupSettings(version="1", run=Run(command=("x",), folder="/")),
        desired=len(instances) if desired is None else desired,
        created_at=NOW,
        deployment="d-0",
        instances=instances,
    )


def state(*groups: ServerGroup, held: str = "", **shares: int) -> ClusterState:
    named = {name.replace("_", "-"): share for name, share in shares.items()}
    return ClusterState(
        cluster="toy",
        groups=groups,
        split=TrafficSplit(shares=named),
        listener=Listener(cluster="toy", port=8080),
        previous=("toy-v000",),
        held=held,
    )


def work(
    status: Status = Status.RUNNING, question: Question | None = None, *steps: StepRecord
) -> Work:
    request = Request(id="d-7", kind=Kind.RESIZE, cluster="toy", requested_at=NOW)
    record = DeploymentRecord(request=request, status=status, sentence="", question=question)
    return Work(record, steps)


def asked(sentence: str, default: Choice, *choices: Choice) -> Question:
    return Question(
        sentence=sentence,
        choices=choices,
        asked_at=NOW - timedelta(hours=2),
        until=NOW + timedelta(hours=22),
        default=default,
    )


def step(number: int, state: StepState, said: str = "") -> StepRecord:
    return StepRecord(
        deployment="d-7",
        number=number,
        step="back-destroy",
        title="destroy toy-v001",
        op="destroy_group",
        state=state,
        started_at=NOW,
        said=said,
    )


def ill(seen: ClusterState, *works: Work) -> list[tuple[str, str]]:
    found = judge_clusters((Sight(seen, works),), NOW)
    assert {f.name for f in found if not f.ok} <= {"cluster toy"}
    return [(f.sentence, f.hint) for f in found if not f.ok]


def well(seen: ClusterState, *works: Work) -> list[str]:
    found = judge_clusters((Sight(seen, works),), NOW)
    assert all(f.ok for f in found), found
    return [f"{f.name}: {f.sentence}" for f in found]


def test_a_group_with_users_and_no_instance_is_told_with_what_to_do() -> None:
    earlier = group("toy-v000", instance())
    assert ill(state(earlier, group("toy-v001"), toy_v001=1000)) == [
        (
            "toy-v001 gets 100 % of the users, but has no instance",
            "These users get errors. turnout resize toy-v001 1 starts one; "
            "turnout rollback toy goes back",
        )
    ]
    assert ill(state(group("toy-v001"), toy_v001=1000))[0][1].endswith(
        "; deploy a version that works"
    )


def test_a_group_with_users_and_nobody_healthy_is_told_even_during_a_deployment() -> None:
    sick = group("toy-v001", instance(0, UNHEALTHY, probe_said="GET / on :1: 503"))
    seen = state(group("toy-v000", instance()), sick, toy_v000=750, toy_v001=250)
    assert ill(seen, work()) == [
        (
            "toy-v001 gets 25 % of the users, but 0 of 1 are healthy; i-0 GET / on :1: 503",
            "These users get errors. turnout logs toy-v001 says why; deploy a version that works",
        )
    ]


def test_a_share_of_a_group_that_is_gone_is_told() -> None:
    ((sentence, _),) = ill(state(toy_v003=1000))
    assert sentence == "toy-v003 gets 100 % of the users, but does not exist"


def test_fewer_healthy_than_there_should_be_are_told_unless_a_deployment_takes_care() -> None:
    gone = instance(1, InstanceState.GONE, hopeless="exited with code 3 after 0.2 s, 4 times")
    seen = state(group("toy-v001", instance(), gone), toy_v001=1000)
    assert ill(seen) == [
        (
            "toy-v001 gets 100 % of the users, with 1 of 2 healthy; "
            "i-1 was given up: exited with code 3 after 0.2 s, 4 times",
            "turnout logs toy-v001 says why",
        )
    ]
    assert well(seen, work()) == ["clusters: toy is served"]


@pytest.mark.parametrize(
    ("found", "is_told"),
    [
        (instance(restarts=3, state=UNHEALTHY), True),
        (instance(restarts=3, since=NOW - timedelta(minutes=9)), True),
        (instance(restarts=3, since=NOW - timedelta(minutes=11)), False),
        (instance(restarts=2, since=NOW), False),
        (instance(restarts=9, state=InstanceState.GONE, hopeless="exited"), False),
        (instance(restarts=9, state=InstanceState.DRAINING), False),
    ],
)
def test_who_ends_again_and_again_is_told_until_it_has_calmed_down(
    found: Instance, is_told: bool
) -> None:
    seen = state(group("toy-v000", found), group("toy-v001", instance(8)), toy_v001=1000)
    expected = (
        f"instances of toy-v000 end again and again; started again: i-0 {found.restarts} times",
        "turnout logs toy-v000 says why",
    )
    assert ill(seen) == ([expected] if is_told else [])


def test_a_listener_that_serves_nobody_is_told_unless_something_is_under_way() -> None:
    assert ill(state(group("toy-v000", instance()))) == [
        (
            "nobody is served on port 8080: no server group gets users, who get errors",
            "turnout enable toy-v000 gives it the users",
        )
    ]
    assert ill(state())[0][1] == "Deploy it"
    assert well(state(), work()) == ["clusters: none is served yet"]


def test_a_listener_whose_port_another_program_has_is_told() -> None:
    serving = state(group("toy-v001", instance()), toy_v001=1000)
    shut = Shut("port 8080 is taken by nginx (process 7)", "End that program")
    (finding,) = judge_clusters((Sight(serving, shut=shut),), NOW)
    assert (finding.ok, finding.hint) == (False, "End that program")
    assert finding.sentence == "nobody gets in: port 8080 is taken by nginx (process 7)"


def test_without_the_router_nobody_is_said_to_be_served() -> None:
    serving = state(group("toy-v001", instance()), toy_v001=1000)
    (finding,) = judge_clusters((Sight(serving),), NOW, away="Envoy does not answer")
    assert (finding.ok, finding.sentence) == (False, "nobody is served: Envoy does not answer")


def test_a_question_is_told_with_the_command_that_answers_it() -> None:
    serving = state(group("toy-v001", instance()), toy_v001=1000)
    question = asked(
        "check smoke: 503. What now?", Choice.ROLLBACK, Choice.RETRY, Choice.ROLLBACK, Choice.STOP
    )
    assert ill(serving, work(Status.PAUSED, question)) == [
        (
            "d-7 is paused since 2026-03-01 10:00:00 UTC and asks: check smoke: 503. What now?",
            "Answer: turnout answer d-7 retry, rollback or stop. "
            "Without one it is rollback at 2026-03-02 10:00:00 UTC",
        )
    ]


def test_a_step_that_fails_again_and_again_is_told_while_it_is_tried_and_while_it_pauses() -> None:
    serving = state(group("toy-v001", instance()), toy_v001=1000)
    failed = [step(n, StepState.FAILED, "the disk is full") for n in range(2, 8)]
    steps = (step(1, StepState.SUCCEEDED), *failed, step(8, StepState.RUNNING))
    question = asked("destroy toy-v001 has failed 5 times: …", Choice.RETRY, Choice.RETRY)
    expected = [
        (
            "d-7 does not get on: destroy toy-v001 has failed 6 times: the disk is full",
            "Remove the cause; it is tried again about every minute by itself. "
            "More: turnout show d-7",
        )
    ]
    assert ill(serving, work(Status.ROLLING_BACK, None, *steps)) == expected
    assert ill(serving, work(Status.PAUSED, question, *steps)) == expected
    assert well(serving, work(Status.ROLLING_BACK, None, *steps[:3])) == ["clusters: toy is served"]


def test_a_hold_is_told_and_is_no_trouble() -> None:
    seen = state(group("toy-v001", instance()), held="after a rollback", toy_v001=1000)
    assert well(seen) == [
        "cluster toy: is held: after a rollback; "
        "deployments are refused until: turnout release toy",
        "clusters: toy is served",
    ]


def test_many_clusters_that_are_well_are_one_line() -> None:
    serving = state(group("toy-v001", instance()), toy_v001=1000)
    others = [serving.model_copy(update={"cluster": f"c{n}"}) for n in range(50)]
    sights = [Sight(one) for one in others]
    (finding,) = judge_clusters(sights, NOW)
    assert finding == Finding(name="clusters", ok=True, sentence="all 50 clusters are served")
    *_, last = judge_clusters([*sights, Sight(state())], NOW)
    assert last.sentence == "50 are served"
    (none,) = judge_clusters((), NOW)
    assert (none.ok, none.sentence) == (True, "there is none yet")


async def test_clusters_are_found_by_their_groups_their_listeners_and_what_is_under_way() -> None:
    world, journal = World(auto=True), MemoryJournal()
    world.groups["toy-v001"] = group("toy-v001", instance())
    world.listeners["empty"] = ListenerState(
        listener=Listener(cluster="empty", port=8081), split=TrafficSplit()
    )
    request = Request(id="d-9", kind=Kind.SHRINK, cluster="gone", requested_at=NOW)
    question = asked("What now?", Choice.ROLLBACK, Choice.STOP)
    await journal.record_deployment(
        DeploymentRecord(request=request, status=Status.PAUSED, sentence="", question=question)
    )

    async def observe(cluster: str) -> ClusterState:
        groups = await MemoryProvider(world).observe_groups(cluster)
        found = await MemoryRouter(world).observe_listener(cluster)
        return ClusterState(
            cluster=cluster,
            groups=groups.groups,
            listener=found.listener if found else None,
        )

    async def no_router() -> list[str]:
        raise Temporary("Envoy is away")

    async def listening() -> list[str]:
        return list(world.listeners)

    async def shut(listeners: Collection[Listener]) -> dict[str, Shut]:
        return {listener.cluster: Shut("port 8081 is taken", "End it") for listener in listeners}

    async def look(observe_listening: object) -> list[str]:
        sources = Sources(
            archive=journal,
            inventory=MemoryProvider(world),
            clock=MemoryClock(world),
            observe=observe,
            observe_listening=observe_listening,  # type: ignore[arg-type]
            observe_shut=shut,
        )
        return [f.name for f in await look_at_clusters(sources)]

    found = await look(listening)
    assert found == ["cluster empty", "cluster empty", "cluster gone", "cluster toy"]
    assert await look(no_router) == ["cluster gone", "cluster toy"]
