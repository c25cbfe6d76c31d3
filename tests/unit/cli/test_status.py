from __future__ import annotations

import json

import httpx2
import pytest

from tests.unit.cli import documents
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.documents import NOW, seconds
from tests.unit.cli.fake_server import FakeServer
from tests.unit.cli.plans import blue_green
from turnout.cli.answers import DeploymentView
from turnout.cli.exits import Exit
from turnout.model.deployment import Status
from turnout.model.journal import Event, StepState
from turnout.model.servers import InstanceState
from turnout.model.traffic import GroupTraffic

ONE = """\
shop  http://127.0.0.1:8080
  running: deploy shop 1.2.0 by blue_green, wait until 2 of 2 instances of shop-v001 are healthy: 1 of 2 healthy; i-004 GET /healthz on 127.0.0.1:40104: 503 "warming up" (4 s) (step 3 of 7, 12.0 s, d-k3v9x2m7qa)
  group      version  share                        healthy  state    age    requests  failed
  shop-v001  1.2.0     25 %  █████░░░░░░░░░░░░░░░  1/2      enabled  24s       1,204       0
  shop-v000  1.1.0     75 %  ███████████████░░░░░  2/2      enabled  3h12m    88,120       3

  instance  group  state     for  address          pid   restarts  last probe
  i-003     v001   healthy   24s  127.0.0.1:40103  9003         0  GET /healthz on 127.0.0.1:40103: 200
  i-004     v001   starting  24s  127.0.0.1:40104  9004         0  GET /healthz on 127.0.0.1:40104: 503 "warming up"
  i-001     v000   healthy   24s  127.0.0.1:40101  9001         0  GET /healthz on 127.0.0.1:40101: 200
  i-002     v000   healthy   24s  127.0.0.1:40102  9002         0  GET /healthz on 127.0.0.1:40102: 200
"""  # noqa: E501 - as it is printed

HELD = """\
shop  http://127.0.0.1:8080
  queued: deploy shop 1.2.0 by blue_green (d-k3v9x2m7qa)
  held: rolled back to shop-v000 by anna (turnout release shop)
  group      version  share                        healthy  state    age    requests  failed
  shop-v001  1.2.0      0 %  ░░░░░░░░░░░░░░░░░░░░  1/2      warm     24s           0       0
  shop-v000  1.1.0    100 %  ████████████████████  2/2      enabled  3h12m    88,120       3
  shop-v007  0.9        0 %  ░░░░░░░░░░░░░░░░░░░░  0/0      cold     2d7h          0       0
"""


def test_one_cluster_is_shown_with_what_goes_on_and_every_instance() -> None:
    said = CommandLine(going_on(documents.waiting_view()))("status", "shop")
    assert said.code == Exit.SUCCESS
    assert said.out == ONE


def going_on(view: DeploymentView) -> FakeServer:
    """A server where that deployment runs, with a record as the engine writes it."""
    return FakeServer(cluster=documents.cluster_view(running=view.record), views=[view])


def told(server: FakeServer) -> str:
    """What a status says of the deployment that runs."""
    return CommandLine(server)("status").out.splitlines()[1].strip()


def test_a_running_deployment_has_its_title_once_also_between_two_steps() -> None:
    view = documents.waiting_view()
    title = blue_green().title
    between = view.model_copy(
        update={"record": documents.record(sentence=title), "steps": view.steps[:2]}
    )
    assert told(going_on(between)) == f"running: {title} (step 2 of 7, 12.0 s, d-k3v9x2m7qa)"
    unknown = FakeServer(cluster=documents.cluster_view(running=between.record))
    assert told(unknown) == f"running: {title} (12.0 s, d-k3v9x2m7qa)"


def test_a_way_back_is_shown_with_its_cause_and_its_step() -> None:
    view = documents.rolled_back_view()
    record = documents.record(
        Status.ROLLING_BACK, sentence=f"rolling back: {documents.TRIPPED}", cause=documents.TRIPPED
    )
    back = view.steps[5].model_copy(update={"state": StepState.RUNNING, "ended_at": None})
    said = told(going_on(DeploymentView(record=record, steps=(*view.steps[:5], back))))
    assert said == (
        f"rolling back: {blue_green().title}, {documents.TRIPPED}, "
        "make sure that 1 of shop-v000 are healthy (way back, 12.0 s, d-k3v9x2m7qa)"
    )


def test_a_paused_deployment_is_shown_with_its_question() -> None:
    view = documents.paused_view()
    ended = view.steps[-1].model_copy(update={"state": StepState.FAILED, "ended_at": NOW})
    said = told(going_on(view.model_copy(update={"steps": (*view.steps[:-1], ended)})))
    assert said == (
        f"paused: {blue_green().title}, smoke test cannot be made: connection refused. What now? "
        "(step 3 of 7, 12.0 s, d-k3v9x2m7qa)"
    )


def test_a_step_in_trouble_is_told_with_it() -> None:
    view = documents.waiting_view()
    trouble = f"{view.steps[-1].title}: no answer (attempt 2 failed)"
    record = view.record.model_copy(update={"sentence": trouble})
    said = told(going_on(view.model_copy(update={"record": record})))
    assert said == (f"running: {blue_green().title}, {trouble} (step 3 of 7, 12.0 s, d-k3v9x2m7qa)")


def test_a_held_cluster_says_so_and_cold_and_warm_groups_are_told_apart() -> None:
    cold = documents.group(7, "0.9", desired=0, before=200000)
    state = documents.state(
        groups=(cold, documents.OLD, documents.NEW), held="rolled back to shop-v000 by anna"
    )
    waiting = documents.record(Status.QUEUED, started_at=None)
    traffic = {"shop-v000": GroupTraffic(requests=88120, failed=3)}
    view = documents.cluster_view(running=None, waiting=(waiting,), state=state, traffic=traffic)
    assert CommandLine(FakeServer(cluster=view))("status").out == HELD


def test_no_cluster_at_all_says_how_to_begin() -> None:
    said = CommandLine(FakeServer())("status")
    assert said.out == "No cluster yet. Begin with: turnout deploy service.yaml\n"
    assert said.code == Exit.SUCCESS


def test_a_cluster_that_does_not_exist_ends_with_2() -> None:
    assert CommandLine(FakeServer())("status", "shop").code == Exit.USAGE


def test_a_cluster_without_groups_and_listener_is_not_silent() -> None:
    state = documents.state({}, groups=(), listener=None)
    view = documents.cluster_view(running=None, state=state, address=None)
    said = CommandLine(FakeServer(cluster=view))("status")
    assert said.out == "shop  no listener\n  no server group: nothing is served\n"


def test_for_programs_the_status_is_the_servers_document() -> None:
    view = documents.cluster_view()
    server = FakeServer(cluster=view)
    assert json.loads(CommandLine(server)("status", "-o", "json").out) == [documents.document(view)]
    one = CommandLine(server)("status", "shop", "-o", "json")
    assert json.loads(one.out) == documents.document(view)


def test_an_instance_that_has_exited_says_with_what() -> None:
    gone = documents.instance(5, InstanceState.UNHEALTHY, "connection refused").model_copy(
        update={"exit_code": 3, "restarts": 2, "pid": None, "port": 0, "since": None}
    )
    state = documents.state(groups=(documents.group(0, "1.1.0", instances=(gone,)),))
    view = documents.cluster_view(running=None, state=state)
    said = CommandLine(FakeServer(cluster=view))("status", "shop")
    assert "  i-005     v000   unhealthy  -    -        -           2  exit code 3; connection" in (
        said.out
    )


def test_what_strangers_wrote_cannot_move_the_cursor() -> None:
    evil = documents.instance(6, InstanceState.STARTING, 'GET /: 503 "\x1b[2J\x07\r\nowned"')
    state = documents.state(groups=(documents.group(0, "1.1.0", instances=(evil,)),))
    view = documents.cluster_view(running=None, state=state)
    said = CommandLine(FakeServer(cluster=view))("status", "shop")
    assert '503 "\\x1b[2J\\x07 / owned"' in said.out


def test_at_a_narrow_terminal_the_bar_makes_room() -> None:
    server = FakeServer(cluster=documents.cluster_view())
    wide = CommandLine(server, terminal=True, environment={"COLUMNS": "100"})("status")
    narrow = CommandLine(server, terminal=True, environment={"COLUMNS": "80"})("status")
    assert "█" in wide.out
    assert "█" not in narrow.out


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})]
)
def test_colours_can_be_switched_off(arguments: list[str], environment: dict[str, str]) -> None:
    server = FakeServer(cluster=documents.cluster_view())
    coloured = CommandLine(server, terminal=True)("status")
    plain = CommandLine(server, terminal=True, environment=environment)("status", *arguments)
    assert "\x1b[32m" in coloured.out
    assert "\x1b[3" not in plain.out


def test_a_dumb_terminal_gets_plain_text() -> None:
    server = FakeServer(cluster=documents.cluster_view())
    said = CommandLine(server, terminal=True, environment={"TERM": "dumb"})("status")
    assert "\x1b" not in said.out


EVENTS = [
    Event(sequence=4, at=NOW, cluster="shop", kind="step.started", sentence="create shop-v001"),
    Event(
        sequence=5,
        at=NOW + seconds(2),
        cluster="shop",
        kind="instance.died",
        sentence="i-001 exited with 1",
    ),
]


def stream_of(events: list[Event]) -> httpx2.MockTransport:
    """All events once; whoever comes back is interrupted."""
    server = FakeServer(
        events=events, cluster=documents.cluster_view(running=None, traffic={}), views=[]
    )

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("last-event-id"):
            raise KeyboardInterrupt
        return server.answer(request)

    return httpx2.MockTransport(answer)


def test_watching_in_a_pipe_prints_a_line_per_event() -> None:
    said = CommandLine(transport=stream_of(EVENTS))("status", "--watch")
    state, _, events = said.out.partition("\n\n")
    assert state.startswith("shop  http://127.0.0.1:8080\n  group ")
    assert events == (
        "14:03:07 CET  shop  create shop-v001\n14:03:09 CET  shop  i-001 exited with 1\n"
    )
    assert said.code == Exit.INTERRUPTED


def test_watching_for_programs_prints_a_document_per_line() -> None:
    said = CommandLine(transport=stream_of(EVENTS))("status", "--watch", "-o", "json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert lines == [documents.document(event) for event in EVENTS]


def test_watching_at_a_terminal_draws_again_and_survives_a_restart() -> None:
    server = FakeServer(cluster=documents.cluster_view())
    looks = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal looks
        if not request.url.path.endswith("/clusters"):
            return server.answer(request)
        looks += 1
        if looks == 3:
            raise httpx2.ConnectError("refused")
        if looks == 4:
            raise KeyboardInterrupt
        return server.answer(request)

    said = CommandLine(transport=httpx2.MockTransport(answer), terminal=True)("status", "--watch")
    assert said.code == Exit.INTERRUPTED
    assert said.out.count("shop-v001") >= 2
    assert "Trying again." in said.out
    assert said.out.endswith("\x1b[?25h\x1b[?1049l")
