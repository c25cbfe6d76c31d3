from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.ports import choose_port
from tests.unit.cli import documents
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.documents import NOW, seconds
from tests.unit.cli.fake_server import FakeServer, listening
from turnout.cli.exits import Exit
from turnout.model.journal import Event


def answering(answer: httpx2.Response) -> CommandLine:
    return CommandLine(transport=httpx2.MockTransport(lambda _: answer))


@pytest.mark.parametrize("arguments", [["status"], ["history"], ["cancel", "shop"], ["logs", "x"]])
def test_without_a_server_it_says_so_and_how_to_start_one(arguments: list[str]) -> None:
    url = f"http://127.0.0.1:{choose_port()}"
    said = CommandLine()(*arguments, "--server", url)
    assert said.code == Exit.UNREACHABLE
    assert said.err == (
        f"Error: No Turnout server answers at {url}: connection refused.\n"
        "Start one with: turnout server. Is it elsewhere? Use --server or TURNOUT_SERVER.\n"
    )


def test_without_a_server_the_version_is_told_all_the_same() -> None:
    said = CommandLine()("version", "--server", f"http://127.0.0.1:{choose_port()}")
    assert said.code == Exit.SUCCESS
    assert "server   none: No Turnout server answers" in said.out


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, html="<h1>It works!</h1>"),
        httpx2.Response(200, text="{not json"),
        httpx2.Response(404, html="<h1>Not Found</h1>"),
        httpx2.Response(502, html="<h1>Bad gateway</h1>"),
        httpx2.Response(404, json={"error": "no such page"}),
        httpx2.Response(422, json={"detail": [{"loc": ["query"], "msg": "wrong"}]}),
    ],
)
def test_another_program_on_the_port_is_recognised(answer: httpx2.Response) -> None:
    said = answering(answer)("status")
    assert said.code == Exit.UNREACHABLE
    assert "that is not a Turnout server.\nCheck --server or TURNOUT_SERVER." in said.err


@pytest.mark.parametrize("document", [None, 7, {}, [{"state": {"cluster": 3}}], [{"state": None}]])
def test_an_answer_of_another_shape_is_told_in_two_lines(document: object) -> None:
    said = answering(httpx2.Response(200, json=document))("status")
    assert said.code == Exit.UNREACHABLE
    assert said.err.startswith("Error: The server's answer cannot be understood: ")
    assert len(said.err.splitlines()) == 2


def test_fields_of_a_newer_server_are_ignored() -> None:
    view = documents.document(documents.cluster_view())
    view["mood"] = "good"
    view["state"]["groups"][0]["settings"]["colour"] = "blue"
    said = answering(httpx2.Response(200, json=[view]))("status")
    assert said.code == Exit.SUCCESS
    assert "shop-v001" in said.out


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "unauthorized", Exit.REFUSED),
        (403, "forbidden", Exit.REFUSED),
        (404, "not_found", Exit.USAGE),
        (409, "conflict", Exit.REFUSED),
        (409, "guard_refused", Exit.REFUSED),
        (422, "invalid_request", Exit.USAGE),
        (500, "turnout_error", Exit.FAILED),
        (502, "permanent", Exit.FAILED),
        (503, "temporary", Exit.UNREACHABLE),
    ],
)
def test_a_refusal_of_the_server_is_told_with_what_to_do(
    status: int, code: str, exit_code: Exit
) -> None:
    problem = {"title": "No", "status": status, "code": code, "detail": "this is why", "hint": ""}
    plain = answering(httpx2.Response(status, json=problem))("status")
    hinted = answering(httpx2.Response(status, json=problem | {"hint": "Do that."}))("status")
    assert plain.code == hinted.code == exit_code
    assert plain.err.startswith("Error: this is why.\n")
    assert len(plain.err.splitlines()) == 2
    assert hinted.err == "Error: this is why.\nDo that.\n"
    document = json.loads(
        answering(httpx2.Response(status, json=problem))("-o", "json", "status").err
    )
    assert document["code"] == code
    assert document["exit_code"] == exit_code
    assert document["status"] == status


def test_without_the_right_token_it_says_where_the_token_goes() -> None:
    problem = {"title": "Unauthorized", "status": 401, "code": "unauthorized", "detail": "Who?"}
    said = answering(httpx2.Response(401, json=problem))("status")
    assert said.err == "Error: Who?\nSet TURNOUT_TOKEN to the server's token.\n"


def test_a_server_that_fails_inside_is_not_taken_for_another_program() -> None:
    said = answering(httpx2.Response(500, text="Internal Server Error"))("status")
    assert said.code == Exit.FAILED
    assert "failed inside" in said.err


def test_a_starting_server_is_waited_for() -> None:
    answers = [
        httpx2.Response(
            503,
            headers={"retry-after": "0.1"},
            json={"detail": "Turnout is starting", "code": "temporary"},
        ),
        httpx2.Response(200, json=[]),
    ]
    said = CommandLine(transport=httpx2.MockTransport(lambda _: answers.pop(0)))("status")
    assert said.code == Exit.SUCCESS
    assert said.out == "No cluster yet. Begin with: turnout deploy service.yaml\n"


def test_a_repeated_request_keeps_its_key(service_file: Path) -> None:
    """So that a server that had done it before its answer was lost does not do it twice."""
    server = FakeServer(views=[documents.succeeded_view()])
    keys = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            keys.append(request.headers["idempotency-key"])
            if len(keys) == 1:
                return httpx2.Response(503, headers={"retry-after": "0"}, json={"detail": "x"})
        return server.answer(request)

    said = CommandLine(transport=httpx2.MockTransport(answer))("deploy", str(service_file))
    assert said.code == Exit.SUCCESS
    assert keys == [keys[0]] * 2


def flaky(server: FakeServer, fails: Callable[[int], bool]) -> httpx2.MockTransport:
    """Looks at the deployment fail as told."""
    looks = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal looks
        if request.method == "GET" and "/deployments/" in request.url.path:
            looks += 1
            if fails(looks):
                raise httpx2.ConnectError("refused")
        return server.answer(request)

    return httpx2.MockTransport(answer)


def test_a_restart_of_the_server_does_not_end_the_waiting(service_file: Path) -> None:
    server = FakeServer(views=[documents.waiting_view(), documents.succeeded_view()])
    command = CommandLine(transport=flaky(server, lambda look: look in (2, 3)))
    said = command("deploy", str(service_file))
    assert said.code == Exit.SUCCESS
    assert said.out.count("started") == 1
    away = "server       No Turnout server answers at http://127.0.0.1:7600: connection refused."
    assert said.out.count(away) == 1
    assert said.out.count("server       It answers again.\n") == 1


def test_a_stream_that_breaks_is_taken_up_where_it_broke(service_file: Path) -> None:
    server = FakeServer(views=[documents.waiting_view()])
    died = Event(
        sequence=7,
        at=NOW + seconds(2),
        cluster="shop",
        kind="instance.died",
        sentence="i-001 exited with 1",
    )
    asked: list[str] = []

    def broken() -> Iterator[bytes]:
        yield f"id: 7\nevent: {died.kind}\ndata: {died.model_dump_json()}\n\n".encode()
        raise httpx2.ReadError("reset by peer")

    def answer(request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/events"):
            return server.answer(request)
        asked.append(request.headers.get("last-event-id", ""))
        if len(asked) == 2:
            server.views = [documents.succeeded_view()]
        return httpx2.Response(200, content=broken())

    command = CommandLine(transport=httpx2.MockTransport(answer))
    said = command("deploy", str(service_file))
    assert said.code == Exit.SUCCESS
    assert asked[:2] == ["", "7"]


def test_what_happened_before_the_deployment_is_not_told(service_file: Path) -> None:
    old = Event(
        sequence=7,
        at=NOW - seconds(1),
        cluster="shop",
        kind="instance.died",
        sentence="long ago",
    )
    server = FakeServer(views=[documents.waiting_view()], events=[old])

    def end_when_it_was_heard(looks: int) -> None:
        if looks > 4:
            server.views = [documents.succeeded_view()]

    server.after_look = end_when_it_was_heard
    said = CommandLine(server)("deploy", str(service_file))
    assert any(request.url.path.endswith("/events") for request in server.asked)
    assert "long ago" not in said.out


def test_a_server_that_stays_away_ends_the_waiting_with_5(service_file: Path) -> None:
    server = FakeServer(views=[documents.waiting_view()])
    command = CommandLine(transport=flaky(server, lambda look: look > 1), patience=0.2)
    said = command("deploy", str(service_file))
    assert said.code == Exit.UNREACHABLE
    assert said.err.splitlines() == [
        "Error: No Turnout server answers at http://127.0.0.1:7600: connection refused. "
        "d-k3v9x2m7qa goes on in the server when that is back.",
        "Follow it then: turnout show d-k3v9x2m7qa --follow",
    ]


def interrupt_at_the_third_look(looks: int) -> None:
    if looks == 3:
        raise KeyboardInterrupt


@pytest.mark.parametrize("terminal", [False, True])
def test_an_interrupt_leaves_the_deployment_running_and_says_how_to_cancel_it(
    service_file: Path, *, terminal: bool
) -> None:
    server = FakeServer(
        views=[documents.waiting_view()],
        cluster=documents.cluster_view(),
        after_look=interrupt_at_the_third_look,
    )
    said = CommandLine(server, terminal=terminal)("deploy", str(service_file))
    assert said.code == Exit.INTERRUPTED
    assert "You stopped waiting; d-k3v9x2m7qa goes on in the server." in said.err
    assert "turnout show d-k3v9x2m7qa --follow" in said.err
    assert "turnout cancel d-k3v9x2m7qa" in said.err
    assert [path for path, _ in server.posted()] == ["/deployments"]


def test_an_interrupt_while_cancelling_does_not_offer_to_cancel() -> None:
    server = FakeServer(
        views=[documents.waiting_view()],
        cluster=documents.cluster_view(),
        after_look=interrupt_at_the_third_look,
    )
    said = CommandLine(server)("cancel", "shop")
    assert said.code == Exit.INTERRUPTED
    assert "turnout cancel" not in said.err


def test_a_real_interrupt_of_a_real_process_ends_it_with_130(service_file: Path) -> None:
    server = FakeServer(views=[documents.waiting_view()])
    with listening(server) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnout", "--server", url, "deploy", str(service_file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            deadline = time.monotonic() + 30
            while server.looks < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
            out, err = _interrupted(process)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == Exit.INTERRUPTED
    assert "started      deploy shop 1.2.0 by blue_green" in out
    assert "You stopped waiting" in err
    assert "Traceback" not in err


def _interrupted(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Press Ctrl-C, and again when nothing comes of it: Python may be just where it drops it."""
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=5)
    raise AssertionError("the command does not end by ten interrupts")


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    server = FakeServer(views=[documents.succeeded_view()] * 40)
    with listening(server) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnout", "--server", url, "history"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout
        assert process.stderr
        with process:
            process.stdout.close()
            err = process.stderr.read()
    assert process.returncode == Exit.INTERRUPTED
    assert err == b""


def test_an_empty_answer_is_a_broken_one() -> None:
    assert answering(httpx2.Response(200))("status").code == Exit.UNREACHABLE
