from tests.unit.demo import records
from tests.unit.demo.records import NOW, plan, record, request, seconds, step
from turnout.api.views import DeploymentView
from turnout.demo.telling import Line, Mood, Teller, format_seconds
from turnout.model.deployment import Kind, Request, Status
from turnout.model.journal import StepState
from turnout.model.plan import Plan, Watch


def told(lines: list[Line]) -> list[tuple[str, str]]:
    return [(line.label, line.text) for line in lines]


def teller_of_version_1() -> Teller:
    """As after the first deployment, of version 1 as shop-v000."""
    first = plan(request("1"), records.EMPTY)
    teller = Teller()
    teller.news(DeploymentView(record=record(plan=first), steps=(), splits=(), checks=()))
    return teller


def test_a_good_deployment_is_told_in_order_and_once() -> None:
    teller = teller_of_version_1()
    lines = teller.news(records.succeeded())
    assert told(lines) == [
        ("start", "2 instances of version 2, seen by no user yet"),
        ("ready", "version 2: 2 healthy instances after 5.0 s"),
        ("traffic", "confirmed in 8 ms"),
        ("watch", "comparing it with version 1 for up to 30s, ready to go back"),
        ("watched", "nothing tripped"),
        ("drain", "version 1: all requests are done"),
        ("done", "version 2 serves; version 1 stays warm, ready to take over"),
    ]
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert teller.news(records.succeeded()) == []


def test_news_come_as_they_happen() -> None:
    teller = teller_of_version_1()
    assert told(teller.news(records.starting())) == [
        ("start", "2 instances of version 2, seen by no user yet")
    ]
    assert [line.label for line in teller.news(records.switched())] == ["ready", "traffic", "watch"]


def test_a_split_names_versions_with_the_newest_first() -> None:
    splits = (records.split(4, {"shop-v000": 900, "shop-v001": 100}, 5.2, 5.208),)
    view = records.switched().model_copy(update={"splits": splits})
    (line,) = (line for line in teller_of_version_1().news(view) if line.label == "traffic")
    assert line.shares == (("v2", 100), ("v1", 900))


def test_a_group_of_unknown_version_is_called_by_its_own_name() -> None:
    assert "comparing it with shop-v000 for up to 30s, ready to go back" in [
        line.text for line in Teller().news(records.switched())
    ]


def test_taking_back_is_told_from_the_wire_to_the_clean_up() -> None:
    lines = teller_of_version_1().news(records.rolled_back())
    assert told(lines[4:]) == [
        ("trip wire", records.TRIPPED),
        ("back", "190 ms after it was noticed"),
        ("clean up", "let the requests on version 2 finish"),
        ("clean up", "destroy version 2"),
        ("taken back", "version 2 is gone, version 1 serves as before"),
    ]
    assert lines[4].mood is Mood.BAD
    assert lines[5].shares == (("v1", 1000),)


def test_a_trip_wire_is_told_with_its_figures() -> None:
    view = records.rolled_back()
    figures = {"requests": 70, "failed": 21, "error_share": 300, "source_error_share": 0}
    steps = tuple(
        s.model_copy(update={"figures": figures}) if s.state is StepState.FAILED else s
        for s in view.steps
    )
    lines = teller_of_version_1().news(view.model_copy(update={"steps": steps}))
    assert [line.text for line in lines if line.label == "trip wire"] == [
        "version 2 failed 21 of 70 requests (30 %), version 1 0 %"
    ]


def test_a_slow_version_is_told_with_its_latency() -> None:
    view = records.rolled_back()
    figures = {"requests": 166, "failed": 0, "p99_ms": 1135.4, "source_p99_ms": 21.51}
    steps = tuple(
        s.model_copy(update={"figures": figures}) if s.state is StepState.FAILED else s
        for s in view.steps
    )
    lines = teller_of_version_1().news(view.model_copy(update={"steps": steps}))
    assert [line.text for line in lines if line.label == "trip wire"] == [
        "version 2 is slow: p99 1.1 s, version 1 had 22 ms"
    ]


def rolling_view(rolling: Plan) -> DeploymentView:
    figures = {"requests": 80, "failed": 0, "p99_ms": 4.25}
    steps = tuple(
        step(planned, number, number, number + 0.5, figures=figures)
        for number, planned in enumerate(rolling.steps, 1)
    )
    return DeploymentView(record=record(plan=rolling), steps=steps, splits=(), checks=())


def test_rolling_tells_what_each_hold_found_and_how_the_group_grows() -> None:
    rolling = plan(request(rolling=True))
    holds = [s for s in rolling.steps if isinstance(s.operation, Watch)]
    lines = teller_of_version_1().news(rolling_view(rolling))
    looks = [line.text for line in lines if line.label in ("held", "watched")]
    assert len(holds) == 5
    assert looks == ["0 of 80 requests to version 2 failed, p99 4.2 ms"] * len(holds)
    assert [line.text for line in lines if line.label == "ready"] == [
        "version 2: 1 healthy instance after 500 ms",
        "version 2: 2 healthy instances after 500 ms",
    ]
    assert not [line for line in lines if line.label == "step"]


def test_another_operation_is_told_by_its_own_sentence() -> None:
    asked = Request(id="d-9", kind=Kind.ROLLBACK, cluster="shop", requested_at=NOW)
    said = "traffic is back on shop-v000"
    done = record(Status.SUCCEEDED, request=asked, plan=None, sentence=said, ended_at=NOW)
    view = DeploymentView(record=done, steps=(), splits=(), checks=())
    assert told(Teller().news(view)) == [("done", said)]


def test_what_somebody_else_asks_for_is_introduced() -> None:
    teller = teller_of_version_1()
    teller.introduces = True
    asked = request().model_copy(update={"by": "ana"})
    view = records.starting().model_copy(update={"record": record(request=asked)})
    assert told(teller.news(view))[0] == (
        "deploy",
        "deploy shop 2 by blue_green, asked for by ana",
    )


def test_durations_are_as_exact_as_a_person_cares() -> None:
    durations = (0.0004, 0.0084, 0.9994, 0.9996, 2.14, 61)
    wanted = ["0 ms", "8 ms", "999 ms", "1.0 s", "2.1 s", "61.0 s"]
    assert [format_seconds(seconds(s)) for s in durations] == wanted


SAID = "Failed after 8 s. Errors: 4.9 % against 0 %; chance alone would show this less than once"


def test_a_canary_is_told_with_both_of_its_arms() -> None:
    teller = teller_of_version_1()
    lines = teller.news(records.comparing(ended=SAID))
    assert told(lines) == [
        ("start", "2 instances of the baseline (v1), seen by no user yet"),
        ("start", "2 instances of the canary (v2), seen by no user yet"),
        ("ready", "the baseline (v1): 2 healthy instances after 500 ms"),
        ("ready", "the canary (v2): 2 healthy instances after 500 ms"),
        ("traffic", "confirmed in 8 ms"),
        ("warm-up", "1s in which nothing is compared yet"),
        ("compare", "the canary (v2) with the baseline (v1) for 25s"),
        ("verdict", SAID),
    ]
    assert lines[4].shares == (("canary", 100), ("baseline", 100), ("v1", 800))
    assert lines[-1].mood is Mood.BAD
