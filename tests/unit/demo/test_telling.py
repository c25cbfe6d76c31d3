from tests.unit.cli import documents
from tests.unit.cli.documents import NOW, plan, record, request, seconds, service, split, step
from turnout.api.views import DeploymentView
from turnout.demo.telling import Line, Mood, Teller, format_seconds
from turnout.model.deployment import Kind, Options, Status, StrategyName
from turnout.model.journal import StepState
from turnout.model.plan import Plan, Watch
from turnout.model.value import Value


def as_view(value: Value) -> DeploymentView:
    return DeploymentView.model_validate_json(value.model_dump_json())


def told(lines: list[Line]) -> list[tuple[str, str]]:
    return [(line.label, line.text) for line in lines]


def teller_of_version_1() -> Teller:
    """As after the first deployment, of version 1.1.0 as shop-v000."""
    first = plan(request(service=service("1.1.0")), documents.state({}, groups=(), newest=""))
    teller = Teller()
    teller.news(DeploymentView(record=record(plan=first), steps=(), splits=(), checks=()))
    return teller


def test_a_good_deployment_is_told_in_order_and_once() -> None:
    teller = teller_of_version_1()
    view = as_view(documents.succeeded_view())
    lines = teller.news(view)
    assert told(lines) == [
        ("start", "2 instances of version 1.2.0"),
        ("ready", "version 1.2.0: 2 healthy after 5.0 s, no user sees it yet"),
        ("traffic", "confirmed in 8 ms"),
        ("watch", "comparing version 1.2.0 with version 1.1.0 for up to 30s, ready to go back"),
        ("watched", "nothing tripped in 30s"),
        ("drain", "version 1.1.0: 0 requests left"),
        ("done", "version 1.2.0 serves; version 1.1.0 stays warm, ready to take over"),
    ]
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert teller.news(view) == []


def test_news_come_as_they_happen() -> None:
    teller = teller_of_version_1()
    assert told(teller.news(as_view(documents.waiting_view()))) == [
        ("start", "2 instances of version 1.2.0")
    ]
    labels = [line.label for line in teller.news(as_view(documents.switched_view()))]
    assert labels == ["ready", "traffic", "watch"]


def test_a_split_names_versions_with_the_newest_first() -> None:
    view = as_view(documents.switched_view()).model_copy(
        update={"splits": (split(4, {"shop-v000": 900, "shop-v001": 100}, 5.2, 5.208),)}
    )
    (line,) = (line for line in teller_of_version_1().news(view) if line.label == "traffic")
    assert line.shares == (("version 1.2.0", 100), ("version 1.1.0", 900))


def test_a_group_of_unknown_version_is_called_by_its_own_name() -> None:
    assert "comparing version 1.2.0 with shop-v000 for up to 30s, ready to go back" in [
        line.text for line in Teller().news(as_view(documents.switched_view()))
    ]


def test_taking_back_is_told_from_the_wire_to_the_clean_up() -> None:
    lines = teller_of_version_1().news(as_view(documents.rolled_back_view()))
    assert told(lines[4:]) == [
        ("trip wire", documents.TRIPPED),
        ("back", "190 ms after it was noticed"),
        ("clean up", "let the requests on version 1.2.0 finish"),
        ("clean up", "destroy version 1.2.0"),
        ("taken back", "version 1.2.0 is gone, version 1.1.0 serves as before"),
    ]
    assert lines[4].mood is Mood.BAD
    assert lines[5].shares == (("version 1.1.0", 1000),)


def test_a_trip_wire_is_told_with_its_figures() -> None:
    view = as_view(documents.rolled_back_view())
    figures = {"requests": 70, "failed": 21, "error_share": 300, "source_error_share": 0}
    steps = tuple(
        s.model_copy(update={"figures": figures}) if s.state is StepState.FAILED else s
        for s in view.steps
    )
    lines = teller_of_version_1().news(view.model_copy(update={"steps": steps}))
    assert [line.text for line in lines if line.label == "trip wire"] == [
        "version 1.2.0 failed 21 of 70 requests (30 %); version 1.1.0 before it: 0 %"
    ]


def rolling_view(rolling: Plan) -> DeploymentView:
    figures = {"requests": 80, "failed": 0, "p99_ms": 4.25}
    steps = tuple(
        step(planned, number, number, number + 0.5, figures=figures)
        for number, planned in enumerate(rolling.steps, 1)
    )
    return DeploymentView(record=record(plan=rolling), steps=steps, splits=(), checks=())


def test_rolling_tells_what_each_hold_found_and_how_the_group_grows() -> None:
    options = Options(step_hold=seconds(4))
    asked = request(service=service(strategy=StrategyName.ROLLING_BLUE_GREEN, options=options))
    rolling = plan(asked)
    holds = [s for s in rolling.steps if isinstance(s.operation, Watch)]
    lines = teller_of_version_1().news(rolling_view(rolling))
    held = [line.text for line in lines if line.label == "held"]
    assert held == ["0 of 80 requests failed, p99 4.25 ms"] * len(holds)
    assert [line.text for line in lines if line.label == "ready"] == [
        "version 1.2.0: 1 healthy after 500 ms, no user sees it yet",
        "version 1.2.0: 2 healthy after 500 ms",
    ]
    assert not [line for line in lines if line.label == "step"]


def test_another_operation_is_told_by_its_own_sentence() -> None:
    asked = request(Kind.ROLLBACK)
    done = record(
        Status.SUCCEEDED,
        request=asked,
        plan=None,
        sentence="traffic is back on shop-v000",
        ended_at=NOW,
    )
    view = DeploymentView(record=done, steps=(), splits=(), checks=())
    assert told(Teller().news(view)) == [("done", "traffic is back on shop-v000")]


def test_durations_are_as_exact_as_a_person_cares() -> None:
    durations = (0.0004, 0.0084, 0.9994, 0.9996, 2.14, 61)
    assert [format_seconds(seconds(s)) for s in durations] == [
        "0 ms",
        "8 ms",
        "999 ms",
        "1.0 s",
        "2.1 s",
        "61.0 s",
    ]
