from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli import documents, plans
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.documents import NOW, seconds
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.answers import ClusterView, DeploymentView
from turnout.cli.exits import Exit
from turnout.model.deployment import Choice, Kind, Status
from turnout.model.journal import Event, StepState

ROLLED_BACK = """\
14:03:07 CET  started      deploy shop 1.2.0 by blue_green (d-k3v9x2m7qa)
14:03:07 CET  ok           pin shop-v000 to at least 2 instances (10 ms)
14:03:07 CET  ok           create shop-v001 with 2 instances of version 1.2.0 (80 ms)
14:03:10 CET  waiting      wait until 2 of 2 instances of shop-v001 are healthy: 1 of 2 healthy; i-004 GET /healthz on 127.0.0.1:40104: 503 "warming up" (4 s) (until 14:05:07 CET at most)
14:03:12 CET  ok           wait until 2 of 2 instances of shop-v001 are healthy (5.0 s): 2 of 2 healthy
14:03:12 CET  traffic      shop-v001 100 %: confirmed in 8 ms (generation 4)
14:03:13 CET  check        trip wires: inconclusive, 12 requests are too few to judge (requests 12)
14:03:14 CET  check        trip wires: pass, no worse than shop-v000 (p99_ms 12.5, requests 340)
14:03:16 CET  failed       watch shop-v001 for 30s (3.8 s): trip wires: 48 ‰ of 340 requests failed, 0 ‰ before the switch
14:03:16 CET  check        trip wires: fail (failed 17, requests 340)
14:03:16 CET  rollback     because this failed: watch shop-v001 for 30s
14:03:16 CET  ok           make sure that 1 of shop-v000 are healthy (80 ms)
14:03:16 CET  traffic      shop-v000 100 %: confirmed in 60 ms (generation 5)
14:03:16 CET  ok           let the requests on shop-v001 finish (80 ms)
14:03:16 CET  ok           destroy shop-v001 (80 ms)
14:03:16 CET  rolled back  traffic is back on shop-v000
14:03:16 CET  way back     noticed 3.8 s after the switch, decided in 12 ms, traffic back in 178 ms, 17 requests to the new version failed in between
More: turnout show d-k3v9x2m7qa
"""  # noqa: E501 - as it is printed


def test_in_a_pipe_every_event_is_one_plain_line(service_file: Path) -> None:
    views = [documents.waiting_view(), documents.switched_view(), documents.rolled_back_view()]
    command = CommandLine(FakeServer(views=views), now=NOW + seconds(3))
    said = command("deploy", str(service_file))
    assert said.out == ROLLED_BACK
    assert said.err == ""
    assert said.code == Exit.ROLLED_BACK


def test_a_good_deployment_ends_with_0(service_file: Path) -> None:
    said = CommandLine(FakeServer(views=[documents.succeeded_view()]))("deploy", str(service_file))
    assert said.code == Exit.SUCCESS
    assert said.out.endswith("14:03:42 CET  succeeded    deploy shop 1.2.0 by blue_green: done\n")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.SUCCEEDED, 0),
        (Status.ROLLED_BACK, 1),
        (Status.CANCELED, 1),
        (Status.FAILED, 3),
        (Status.REFUSED, 4),
        (Status.REJECTED, 4),
    ],
)
def test_the_exit_code_says_how_it_ended(status: Status, code: int, service_file: Path) -> None:
    record = documents.record(status, sentence="so it is", ended_at=NOW + seconds(1))
    server = FakeServer(views=[DeploymentView(record=record)])
    assert CommandLine(server)("deploy", str(service_file)).code == code
    assert CommandLine(server)("deploy", str(service_file), "--no-wait").code == code


def test_for_programs_the_final_record_is_the_output_and_progress_is_beside_it(
    service_file: Path,
) -> None:
    views = [documents.waiting_view(), documents.rolled_back_view()]
    said = CommandLine(FakeServer(views=views))("deploy", str(service_file), "-o", "json")
    assert said.code == Exit.ROLLED_BACK
    assert json.loads(said.out) == documents.document(documents.rolled_back_view().record)
    assert "traffic      shop-v000 100 %: confirmed in 60 ms (generation 5)\n" in said.err


def test_without_waiting_it_says_how_to_follow(service_file: Path) -> None:
    server = FakeServer(views=[documents.waiting_view()])
    said = CommandLine(server)("deploy", str(service_file), "--no-wait")
    assert said.code == Exit.SUCCESS
    assert said.out == (
        "running: wait until 2 of 2 instances of shop-v001 are healthy\n"
        "Follow it: turnout show d-k3v9x2m7qa --follow\n"
    )
    assert server.looks == 0
    for_programs = CommandLine(server)("deploy", str(service_file), "--no-wait", "-o", "json")
    assert json.loads(for_programs.out)["status"] == "running"


def test_each_call_has_a_key_of_its_own(service_file: Path) -> None:
    server = FakeServer(views=[documents.succeeded_view()])
    CommandLine(server)("deploy", str(service_file))
    CommandLine(server)("deploy", str(service_file))
    keys = {r.headers["idempotency-key"] for r in server.asked if r.method == "POST"}
    assert len(keys) == 2
    assert all(key.startswith("d-") and len(key) == 12 for key in keys)


def test_what_the_options_say_is_sent(service_file: Path) -> None:
    server = FakeServer(views=[documents.succeeded_view()])
    CommandLine(server)(
        "deploy",
        str(service_file),
        *("--on-busy", "superseding", "--reason", "login is broken"),
        *("--force", "it is night", "--fingerprint", "abc"),
    )
    [(_, body)] = server.posted()
    assert body["on_busy"] == "superseding"
    assert body["reason"] == "login is broken"
    assert body["force"] == "it is night"
    assert body["fingerprint"] == "abc"
    assert "version" not in body


def test_a_queued_deployment_says_whom_it_waits_for(service_file: Path) -> None:
    queued = documents.record(Status.QUEUED, sentence="waits for d-other", started_at=None)
    server = FakeServer(views=[DeploymentView(record=queued), documents.succeeded_view()])
    said = CommandLine(server)("deploy", str(service_file))
    assert said.out.startswith("14:03:07 CET  queued       waits for d-other\n")


def in_the_queue(kind: Kind = Kind.DEPLOY) -> DeploymentView:
    """Waits for `d-other`."""
    record = documents.record(
        Status.QUEUED,
        request=documents.request(kind),
        sentence="waits for d-other",
        plan=None,
        started_at=None,
    )
    return DeploymentView(record=record)


def other(view: DeploymentView) -> ClusterView:
    """A cluster where that deployment runs, as `d-other`."""
    running = view.record.model_copy(update={"request": documents.request(id="d-other")})
    return documents.cluster_view(running=running)


PAUSED = (
    "queued       d-other is paused: smoke test cannot be made: connection refused. What now? "
    "(answer: turnout answer d-other retry | rollback | stop | continue, "
    "or take it back: turnout cancel d-other)\n"
)
RUNNING = (
    "queued       d-other is still running. To take that one back now, without waiting: "
    "turnout cancel d-other, or roll back with --on-busy superseding\n"
)


def test_who_waits_for_a_paused_deployment_is_told_its_question_once(service_file: Path) -> None:
    views = [*[in_the_queue()] * 3, documents.succeeded_view()]
    server = FakeServer(views=views, cluster=other(documents.paused_view()))
    said = CommandLine(server)("deploy", str(service_file))
    assert said.code == Exit.SUCCESS
    first, second, *_ = said.out.splitlines(keepends=True)
    assert first.endswith("queued       waits for d-other\n")
    assert second.endswith(PAUSED)
    assert said.out.count("d-other is paused") == 1


def test_at_a_terminal_it_is_told_above_the_picture(service_file: Path) -> None:
    views = [*[in_the_queue()] * 3, documents.succeeded_view()]
    server = FakeServer(views=views, cluster=other(documents.paused_view()))
    environment = {"COLUMNS": "300"}
    said = CommandLine(server, terminal=True, environment=environment)("deploy", str(service_file))
    assert said.out.count("d-other is paused: smoke test cannot be made") == 1


def test_a_rollback_that_waits_learns_how_to_take_back_what_runs_and_of_its_question() -> None:
    waiting = in_the_queue(Kind.ROLLBACK)
    server = FakeServer(views=[waiting], cluster=other(documents.waiting_view()))

    def go_on(looks: int) -> None:
        if looks == 2:
            server.cluster = other(documents.paused_view())
        if looks == 4:
            server.views = [documents.succeeded_view()]

    server.after_look = go_on
    said = CommandLine(server)("rollback", "shop")
    assert said.out.count(RUNNING) == 1
    assert said.out.count(PAUSED) == 1
    assert said.out.index(RUNNING) < said.out.index(PAUSED)


def test_a_deployment_that_waits_for_one_that_runs_has_nothing_to_decide(
    service_file: Path,
) -> None:
    views = [in_the_queue(), in_the_queue(), documents.succeeded_view()]
    server = FakeServer(views=views, cluster=other(documents.waiting_view()))
    said = CommandLine(server)("deploy", str(service_file))
    assert "turnout cancel" not in said.out


def test_one_whose_turn_has_just_come_is_not_told_to_take_itself_back() -> None:
    """Record and cluster are two looks."""
    waiting = in_the_queue(Kind.ROLLBACK)
    running = waiting.record.model_copy(update={"status": Status.RUNNING})
    server = FakeServer(
        views=[waiting, documents.succeeded_view()],
        cluster=documents.cluster_view(running=running),
    )
    assert "turnout cancel" not in CommandLine(server)("rollback", "shop").out


def test_a_way_back_that_asks_again_every_minute_is_told_once_to_those_who_wait() -> None:
    from turnout.cli.views.lines import ProgressLines

    def asked(after: float, default: Choice) -> ClusterView:
        view = documents.paused_view(default)
        question = view.record.question
        assert question
        later = question.model_copy(update={"asked_at": NOW + seconds(after)})
        record = view.record.model_copy(update={"question": later})
        return other(view.model_copy(update={"record": record}))

    for default, times in ((Choice.RETRY, 1), (Choice.ROLLBACK, 2)):
        lines = ProgressLines(documents.ZONE)
        told = [lines.ahead(in_the_queue(), asked(after, default), NOW) for after in (0, 60)]
        assert sum(map(len, told)) == times


def test_a_step_that_only_repeats_its_title_is_told_once() -> None:
    from turnout.cli.views.lines import ProgressLines

    view = documents.switched_view()
    watching = view.steps[-1].model_copy(
        update={"waiting_for": "watching shop-v001 for 30s", "deadline": None}
    )
    view = view.model_copy(update={"steps": (*view.steps[:-1], watching)})
    told = ProgressLines(documents.ZONE).news(view, NOW + seconds(20))
    assert told[-1].endswith("waiting      watch shop-v001 for 30s")


def test_a_cause_that_no_step_has_told_is_told_in_full_once() -> None:
    view = documents.rolled_back_view()
    view = view.model_copy(update={"steps": view.steps[:4], "checks": ()})
    said = CommandLine(FakeServer(views=[view]))("show", "d-k3v9x2m7qa", "--follow")
    assert said.out.count(documents.TRIPPED) == 1
    assert f"rollback     {documents.TRIPPED}\n" in said.out


@pytest.mark.parametrize(
    ("status", "rule", "code"),
    [
        (Status.REFUSED, "held", "held"),
        (Status.REFUSED, "", "refused"),
        (Status.REJECTED, "", "conflict"),
    ],
)
def test_for_programs_a_refusal_is_an_error_document_below_the_progress(
    status: Status, rule: str, code: str, service_file: Path
) -> None:
    plan = plans.refused("shop is held", rule) if rule else None
    record = documents.record(
        status, sentence="shop is held", plan=plan, started_at=None, ended_at=NOW
    )
    server = FakeServer(views=[DeploymentView(record=record)])
    for more in ([], ["--no-wait"]):
        said = CommandLine(server)("deploy", str(service_file), "-o", "json", *more)
        assert said.code == Exit.REFUSED
        assert json.loads(said.out) == documents.document(record)
        problem = json.loads(said.err.splitlines()[-1])
        assert problem["code"] == code
        assert problem.get("rule", "") == rule
        assert problem["detail"] == "shop is held"
        assert problem["hint"]
        assert problem["exit_code"] == Exit.REFUSED


def test_what_happens_beside_the_steps_is_told_too(service_file: Path) -> None:
    died = Event(
        sequence=7,
        at=NOW + seconds(2),
        cluster="shop",
        kind="instance.died",
        sentence="i-001 of shop-v000 exited with 1\x1b[2J",
    )
    known = died.model_copy(update={"kind": "step.started", "sequence": 8, "sentence": "known"})
    server = FakeServer(events=[died, known], views=[documents.waiting_view()])

    def end_when_it_was_heard(looks: int) -> None:
        if any(r.url.path.endswith("/events") for r in server.asked) and looks > 8:
            server.views = [documents.succeeded_view()]

    server.after_look = end_when_it_was_heard
    said = CommandLine(server)("deploy", str(service_file))
    line = "14:03:09 CET  event        i-001 of shop-v000 exited with 1\\x1b[2J\n"
    assert said.out.count(line) == 1
    assert "known" not in said.out


def test_a_waiting_step_repeats_itself_less_and_less_often() -> None:
    from turnout.cli.views.lines import ProgressLines

    lines = ProgressLines(documents.ZONE)
    view = documents.waiting_view()
    told = [s for s in range(600) if lines.news(view, NOW + seconds(s))]
    assert told[0] == 0
    assert told[1:9] == [3, 7, 15, 31, 63, 123, 183, 243]


def test_a_check_is_news_only_when_its_verdict_is(service_file: Path) -> None:
    said = CommandLine(FakeServer(views=[documents.succeeded_view()]))("deploy", str(service_file))
    assert said.out.count("trip wires: pass") == 1


def test_a_failed_attempt_is_told_once_per_attempt() -> None:
    from turnout.cli.views.lines import ProgressLines

    lines = ProgressLines(documents.ZONE)
    view = documents.waiting_view()
    trying = view.steps[-1].model_copy(update={"attempts": 2, "said": "the router is away"})
    again = view.model_copy(update={"steps": (*view.steps[:-1], trying)})
    lines.news(view, NOW)
    told = lines.news(again, NOW)
    assert [line.split("  ", 1)[1] for line in told] == [
        "again        wait until 2 of 2 instances of shop-v001 are healthy, attempt 2: "
        "the router is away"
    ]
    assert lines.news(again, NOW) == []


def test_in_a_pipe_a_question_ends_the_waiting_with_3(service_file: Path) -> None:
    said = CommandLine(FakeServer(views=[documents.paused_view()]))("deploy", str(service_file))
    assert said.code == Exit.FAILED
    assert said.out.splitlines()[-4:] == [
        "14:03:13 CET  paused       smoke test cannot be made: connection refused. What now?",
        "Question: smoke test cannot be made: connection refused. What now?",
        "Answer:   turnout answer d-k3v9x2m7qa retry | rollback | stop | continue",
        "          without an answer by 2025-11-24 14:03:07 CET: rollback",
    ]


def test_a_question_about_a_step_that_has_failed_does_not_repeat_why(service_file: Path) -> None:
    view = documents.paused_view()
    cause = "smoke test cannot be made: connection refused"
    failed = view.steps[-1].model_copy(
        update={"state": StepState.FAILED, "said": cause, "ended_at": NOW + seconds(6)}
    )
    record = view.record.model_copy(update={"cause": cause})
    view = view.model_copy(update={"record": record, "steps": (*view.steps[:-1], failed)})
    said = CommandLine(FakeServer(views=[view]))("deploy", str(service_file))
    assert f"paused       because this failed: {failed.title}\n" in said.out
    assert said.out.count(cause) == 2  # where it happened, and in the question


def test_a_way_back_that_tries_again_by_itself_is_waited_for(service_file: Path) -> None:
    views = [documents.paused_view(Choice.RETRY), documents.rolled_back_view()]
    said = CommandLine(FakeServer(views=views))("deploy", str(service_file))
    assert said.code == Exit.ROLLED_BACK
    assert "paused       smoke test cannot be made" in said.out


def test_a_rollback_that_a_person_wants_is_not_told_as_trouble() -> None:
    record = documents.record(
        Status.SUCCEEDED,
        request=documents.request(Kind.ROLLBACK),
        sentence="roll back shop to shop-v000 (version 1.1.0): done",
        plan=plans.cold_rollback(),
        detected_at=NOW,
        decided_at=NOW,
        returned_at=NOW + seconds(0.18),
        failed_requests=0,
        ended_at=NOW + seconds(1),
    )
    said = CommandLine(FakeServer(views=[DeploymentView(record=record)]))("rollback", "shop")
    assert said.out == (
        "14:03:07 CET  started      roll back shop to shop-v000 (version 1.1.0) (d-k3v9x2m7qa)\n"
        "14:03:08 CET  succeeded    roll back shop to shop-v000 (version 1.1.0): done\n"
        "14:03:08 CET  way back     traffic back in 180 ms, "
        "0 requests to the new version failed in between\n"
    )


def test_no_line_moves_the_cursor_or_has_a_colour(service_file: Path) -> None:
    said = CommandLine(FakeServer(views=[documents.rolled_back_view()]))(
        "deploy", str(service_file)
    )
    assert "\x1b" not in said.out
    assert "\r" not in said.out


def test_an_encoding_without_unicode_gets_replacements_not_errors(service_file: Path) -> None:
    server = FakeServer(views=[documents.rolled_back_view()], cluster=documents.cluster_view())
    for arguments in (["deploy", str(service_file)], ["show", "d-k3v9x2m7qa"], ["status"]):
        said = CommandLine(server, encoding="ascii")(*arguments)
        assert said.out.isascii()
        assert said.code in (Exit.SUCCESS, Exit.ROLLED_BACK)
    assert "#####..............." in CommandLine(server, encoding="ascii")("status").out
