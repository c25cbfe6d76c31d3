from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.cli import documents, plans
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.documents import NOW, seconds
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.answers import DeploymentView
from turnout.cli.exits import Exit
from turnout.model.deployment import Choice, Status

DONE = [documents.succeeded_view()]


def ended(status: Status) -> DeploymentView:
    record = documents.record(status, sentence="so it is", ended_at=NOW + seconds(1))
    return DeploymentView(record=record)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["rollback", "shop"], {"kind": "rollback"}),
        (["rollback", "shop", "--to", "shop-v003"], {"kind": "rollback", "group": "shop-v003"}),
        (
            ["resize", "shop-v001", "4"],
            {"kind": "resize", "group": "shop-v001", "instances": 4},
        ),
        (["enable", "shop-v001"], {"kind": "enable", "group": "shop-v001", "share": 1000}),
        (
            ["enable", "shop-v001", "--share", "2.5%"],
            {"kind": "enable", "group": "shop-v001", "share": 25},
        ),
        (["disable", "shop-v001"], {"kind": "disable", "group": "shop-v001"}),
        (["destroy", "shop-v001"], {"kind": "destroy", "group": "shop-v001"}),
        (["shrink", "shop", "--keep", "2"], {"kind": "shrink", "keep": 2}),
    ],
)
def test_an_operation_is_sent_to_its_cluster_and_waited_for(
    arguments: list[str], wanted: dict[str, object]
) -> None:
    server = FakeServer(views=DONE)
    said = CommandLine(server)(*arguments, "--reason", "why not", "--force", "at night")
    assert said.code == Exit.SUCCESS
    [(path, body)] = server.posted()
    assert path == "/clusters/shop/operations"
    rest = {"on_busy": "queued", "by": "anna@build1", "fingerprint": ""}
    assert body == wanted | rest | {"reason": "why not", "force": "at night"}
    assert "succeeded" in said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["rollback", "shop"],
        ["resize", "shop-v001", "4"],
        ["enable", "shop-v001", "--share", "10%"],
        ["disable", "shop-v001"],
        ["destroy", "shop-v001"],
        ["shrink", "shop", "--keep", "2"],
    ],
)
def test_an_operation_can_be_planned_only(arguments: list[str]) -> None:
    plan = plans.cold_rollback()
    server = FakeServer(plan=plan)
    said = CommandLine(server)(*arguments, "--plan")
    assert said.code == Exit.SUCCESS
    [(_, body)] = server.posted()
    assert body["plan_only"] is True
    again = f"turnout {' '.join(arguments)} --fingerprint {plan.fingerprint}"
    assert said.out.endswith(f"Do exactly this: {again}\n")


def test_a_person_sees_what_a_cold_rollback_means_before_saying_yes() -> None:
    plan = plans.cold_rollback()
    server = FakeServer(plan=plan, views=DONE, cluster=documents.cluster_view())
    said = CommandLine(server, terminal=True, typed="y\n")("rollback", "shop")
    assert said.code == Exit.SUCCESS
    assert "shop-v000 is cold: it has to start first" in said.out
    assert "Go ahead? [y/N]" in said.err
    (_, planned), (_, sent) = server.posted()
    assert planned["plan_only"] is True
    assert sent["fingerprint"] == plan.fingerprint
    assert "plan_only" not in sent


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "maybe\n"])
def test_anything_but_yes_touches_nothing(typed: str) -> None:
    server = FakeServer(plan=plans.cold_rollback(), views=DONE, cluster=documents.cluster_view())
    said = CommandLine(server, terminal=True, typed=typed)("rollback", "shop")
    assert said.code == Exit.REFUSED
    assert "nothing was touched" in said.err
    assert [body.get("plan_only") for _, body in server.posted()] == [True]


def test_a_person_who_rolls_back_during_a_deployment_learns_of_cancel() -> None:
    server = FakeServer(plan=plans.cold_rollback(), cluster=documents.cluster_view())
    said = CommandLine(server, terminal=True, typed="n\n")("rollback", "shop")
    assert "d-k3v9x2m7qa is running" in said.out
    assert "turnout cancel d-k3v9x2m7qa" in said.out


def test_a_person_who_rolls_back_behind_a_question_learns_it() -> None:
    running = documents.paused_view().record
    server = FakeServer(plan=plans.cold_rollback(), cluster=documents.cluster_view(running=running))
    said = CommandLine(server, terminal=True, typed="n\n", environment={"COLUMNS": "300"})(
        "rollback", "shop"
    )
    assert "d-k3v9x2m7qa is paused: smoke test cannot be made" in said.out
    assert "turnout answer d-k3v9x2m7qa retry" in said.out


@pytest.mark.parametrize(
    ("arguments", "asks"),
    [
        (["rollback", "shop"], True),
        (["disable", "shop-v001"], True),
        (["destroy", "shop-v001"], True),
        (["shrink", "shop", "--keep", "1"], True),
        (["resize", "shop-v001", "0"], True),
        (["resize", "shop-v001", "2"], False),
        (["resize", "shop-v001", "2", "--force", "x"], True),
        (["enable", "shop-v001"], False),
        (["enable", "shop-v001", "--force", "x"], True),
    ],
)
def test_only_what_takes_away_or_overrides_asks(arguments: list[str], *, asks: bool) -> None:
    server = FakeServer(plan=plans.cold_rollback(), views=DONE, cluster=documents.cluster_view())
    asked = CommandLine(server, terminal=True, typed="y\n")(*arguments)
    assert ("Go ahead?" in asked.err) == asks
    unasked = CommandLine(server, terminal=True)(*arguments, "--yes")
    assert "Go ahead?" not in unasked.err
    in_a_pipe = CommandLine(server)(*arguments)
    assert "Go ahead?" not in in_a_pipe.err
    assert asked.code == unasked.code == in_a_pipe.code == Exit.SUCCESS


def test_a_deployment_asks_only_when_it_overrides_guards(service_file: Path) -> None:
    server = FakeServer(plan=plans.blue_green(), views=DONE, cluster=documents.cluster_view())
    plain = CommandLine(server, terminal=True)("deploy", str(service_file))
    forced = CommandLine(server, terminal=True, typed="y\n")(
        "deploy", str(service_file), "--force", "x"
    )
    assert "Go ahead?" not in plain.err
    assert "Go ahead?" in forced.err


def test_a_refused_plan_is_not_asked_about() -> None:
    plan = plans.refused("shop has no earlier server group that had traffic", "nothing")
    server = FakeServer(plan=plan, cluster=documents.cluster_view(running=None))
    said = CommandLine(server, terminal=True, typed="y\n")("rollback", "shop")
    assert said.code == Exit.REFUSED
    assert said.err.startswith("\x1b[1;31mError: \x1b[0mshop has no earlier server group")
    assert "Go ahead?" not in said.err
    assert len(server.posted()) == 1


def test_hold_and_release_say_what_follows() -> None:
    server = FakeServer()
    held = CommandLine(server)("hold", "shop", "--reason", "we look into it")
    free = CommandLine(server)("release", "shop")
    assert held.out == "shop is held. Let deployments go on with: turnout release shop\n"
    assert free.out == "shop is released.\n"
    assert server.posted() == [
        ("/clusters/shop/hold", {"reason": "we look into it", "by": "anna@build1"}),
        ("/clusters/shop/release", {"by": "anna@build1"}),
    ]
    for_programs = CommandLine(server)("hold", "shop", "--reason", "x", "-o", "json")
    assert json.loads(for_programs.out) == {"cluster": "shop", "held": "x"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.ROLLED_BACK, Exit.SUCCESS),
        (Status.CANCELED, Exit.SUCCESS),
        (Status.FAILED, Exit.FAILED),
    ],
)
def test_a_cancel_that_ends_with_the_old_version_serving_is_a_success(
    status: Status, code: Exit
) -> None:
    server = FakeServer(views=[ended(status)], cluster=documents.cluster_view())
    by_id = CommandLine(server)("cancel", "d-k3v9x2m7qa", "--reason", "wrong one")
    by_cluster = CommandLine(server)("cancel", "shop")
    assert by_id.code == by_cluster.code == code
    assert [path for path, _ in server.posted()] == ["/deployments/d-k3v9x2m7qa/cancel"] * 2


def test_a_cluster_where_nothing_goes_on_cannot_be_cancelled() -> None:
    server = FakeServer(cluster=documents.cluster_view(running=None))
    said = CommandLine(server)("cancel", "shop")
    assert said.code == Exit.USAGE
    assert said.err.startswith("Error: No deployment of shop goes on or waits.\n")


@pytest.mark.parametrize(
    ("choice", "status", "code"),
    [
        ("rollback", Status.ROLLED_BACK, Exit.SUCCESS),
        ("stop", Status.FAILED, Exit.SUCCESS),
        ("retry", Status.SUCCEEDED, Exit.SUCCESS),
        ("retry", Status.ROLLED_BACK, Exit.ROLLED_BACK),
        ("continue", Status.FAILED, Exit.FAILED),
    ],
)
def test_an_end_that_was_asked_for_is_a_success(choice: str, status: Status, code: Exit) -> None:
    """The journal still shows the question for a moment after it was answered."""
    paused = documents.paused_view()
    server = FakeServer(views=[paused, paused, paused, ended(status)])
    said = CommandLine(server)("answer", "d-k3v9x2m7qa", choice, "--comment", "I looked")
    assert said.code == code
    assert server.posted() == [
        (
            "/deployments/d-k3v9x2m7qa/answer",
            {"choice": choice, "by": "anna@build1", "comment": "I looked"},
        )
    ]


def test_the_next_question_is_not_taken_for_the_answered_one() -> None:
    paused = documents.paused_view()
    question = paused.record.question
    assert question
    later = question.model_copy(update={"asked_at": question.asked_at + timedelta(seconds=9)})
    again = paused.model_copy(
        update={"record": paused.record.model_copy(update={"question": later})}
    )
    server = FakeServer(views=[paused, paused, paused, again])
    said = CommandLine(server)("answer", "d-k3v9x2m7qa", "retry")
    assert said.code == Exit.FAILED
    assert "Question: smoke test" in said.out


def test_a_person_at_the_terminal_is_asked_right_there(service_file: Path) -> None:
    server = FakeServer(views=[documents.paused_view()], cluster=documents.cluster_view())

    def go_on(looks: int) -> None:
        if any(path.endswith("/answer") for path, _ in server.posted()):
            server.views = [ended(Status.ROLLED_BACK)]

    server.after_look = go_on
    said = CommandLine(server, terminal=True, typed="what?\nro\n")("deploy", str(service_file))
    assert said.code == Exit.ROLLED_BACK
    assert said.err.count("Your answer (retry, rollback, stop, continue): ") == 2
    assert server.posted()[-1][1]["choice"] == Choice.ROLLBACK


def test_a_question_at_a_terminal_with_nobody_there_ends_with_3(service_file: Path) -> None:
    server = FakeServer(views=[documents.paused_view()], cluster=documents.cluster_view())
    said = CommandLine(server, terminal=True, typed="")("deploy", str(service_file))
    assert said.code == Exit.FAILED
    assert len(server.posted()) == 1


def test_an_answer_that_comes_too_late_is_told_and_the_waiting_goes_on(service_file: Path) -> None:
    problem = {"detail": "it was answered by bob", "code": "conflict", "status": 409}
    server = FakeServer(
        views=[documents.paused_view()],
        cluster=documents.cluster_view(),
        problems={"POST /deployments/d-k3v9x2m7qa/answer": (409, problem)},
    )

    def go_on(looks: int) -> None:
        if any(path.endswith("/answer") for path, _ in server.posted()):
            server.views = DONE

    server.after_look = go_on
    said = CommandLine(server, terminal=True, typed="retry\n")("deploy", str(service_file))
    assert said.code == Exit.SUCCESS
    assert "it was answered by bob." in said.err
