from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from tests.unit.cli import documents, plans
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.documents import NOW, ZONE, seconds
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.answers import ClusterView, DeploymentView
from turnout.cli.views.live import BAR, LiveView
from turnout.cli.views.signs import ASCII, UNICODE
from turnout.model.deployment import Status
from turnout.model.journal import StepState
from turnout.model.traffic import GroupTraffic

WAITING = """\
deploy shop 1.2.0 by blue_green                                                       running 12.0 s
d-k3v9x2m7qa

✓  pin shop-v000 to at least 2 instances                                                       10 ms
✓  create shop-v001 with 2 instances of version 1.2.0                                          80 ms
⠙  wait until 2 of 2 instances of shop-v001 are healthy                                       11.9 s
   1 of 2 healthy; i-004 GET /healthz on 127.0.0.1:40104: 503 "warming up" (4 s)
   until 14:05:07 CET at most, 1m48s left
·  shift traffic: shop-v001 100 %
·  watch shop-v001 for 30s                                                                   max 30s
·  let the requests on shop-v000 finish                                                      max 30s
·  release shop-v000

traffic ████████████████████████████████████████████████████████████
        shop-v001  1.2.0  25 %  ●● 1/2 healthy  0 requests  0 failed
        shop-v000  1.1.0  75 %  ●● 2/2 healthy  0 requests  0 failed
"""

ROLLED_BACK = """\
deploy shop 1.2.0 by blue_green                                                    rolled back 9.5 s
d-k3v9x2m7qa

ok pin shop-v000 to at least 2 instances                                                       10 ms
ok create shop-v001 with 2 instances of version 1.2.0                                          80 ms
ok wait until 2 of 2 instances of shop-v001 are healthy                                        5.0 s
ok shift traffic: shop-v001 100 %                                                              50 ms
x  watch shop-v001 for 30s                                                                     3.8 s
   trip wires: 48 ‰ of 340 requests failed, 0 ‰ before the switch
   (2 steps not reached)
   way back:
ok make sure that 1 of shop-v000 are healthy                                                   80 ms
ok return traffic: shop-v000 100 %                                                             80 ms
ok let the requests on shop-v001 finish                                                        80 ms
ok destroy shop-v001                                                                           80 ms

traffic ############################################################
        shop-v001  1.2.0    0 %  ** 1/2 healthy  0 requests  0 failed
        shop-v000  1.1.0  100 %  ** 2/2 healthy  0 requests  0 failed

rolled back, traffic is back on shop-v000
noticed 3.8 s after the switch, decided in 12 ms, traffic back in 178 ms, 17 requests to the new
version failed in between
"""


def console(*, colour: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        width=100,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
    )


def draw(
    picture: LiveView,
    view: DeploymentView,
    cluster: ClusterView | None,
    *,
    height: int = 40,
    colour: bool = False,
    lost: str = "",
) -> str:
    on = console(colour=colour)

    def surplus(drawn: RenderableType) -> int:
        return len(on.render_lines(drawn)) - height

    with on.capture() as drawn:
        on.print(picture.draw(view, cluster, NOW + seconds(12), surplus=surplus, lost=lost))
    return "".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines())


def test_a_picture_shows_steps_the_reason_of_the_waiting_and_the_traffic() -> None:
    picture = LiveView(UNICODE, ZONE)
    drawn = draw(picture, documents.waiting_view(), documents.cluster_view())
    assert drawn == WAITING


def test_the_last_picture_tells_the_way_back_also_without_unicode() -> None:
    cluster = documents.cluster_view({"shop-v000": 1000}, running=None)
    assert draw(LiveView(ASCII, ZONE), documents.rolled_back_view(), cluster) == ROLLED_BACK


def test_a_deployment_that_has_not_begun_shows_why() -> None:
    queued = documents.record(
        Status.QUEUED, sentence="waits for d-other", started_at=None, plan=None
    )
    drawn = draw(LiveView(UNICODE, ZONE), DeploymentView(record=queued), None)
    assert "waits for d-other" in drawn
    assert drawn.splitlines()[0].endswith("queued")


def test_a_lost_server_is_said_below_the_picture() -> None:
    picture = LiveView(UNICODE, ZONE)
    drawn = draw(picture, documents.waiting_view(), None, lost="No server answers.")
    assert drawn.endswith("\nNo server answers. Trying again.\n")


def bar_of(drawn: str) -> tuple[int, int]:
    """How many cells of the bar are green (new) and blue (old)."""
    line = next(line for line in drawn.splitlines() if "traffic " in line and "█" in line)
    return (
        sum(len(cells) for cells in re.findall(r"\x1b\[32m(█+)", line)),
        sum(len(cells) for cells in re.findall(r"\x1b\[34m(█+)", line)),
    )


def test_the_bar_moves_to_the_new_split_and_is_always_whole() -> None:
    picture = LiveView(UNICODE, ZONE)
    view = documents.switched_view()
    before = documents.cluster_view({"shop-v000": 1000})
    after = documents.cluster_view({"shop-v001": 1000})
    widths = [bar_of(draw(picture, view, before, colour=True))]
    assert widths == [(0, BAR)]
    for _ in range(20):
        widths.append(bar_of(draw(picture, view, after, colour=True)))
        assert sum(widths[-1]) == BAR
    new = [width for width, _ in widths]
    assert new == sorted(new)
    assert 0 < new[1] < new[3] < BAR
    assert new[-1] == BAR


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_gets_a_shorter_bar(width: int, service_file: Path) -> None:
    server = FakeServer(views=[documents.succeeded_view()], cluster=documents.cluster_view())
    environment = {"COLUMNS": str(width), "NO_COLOR": "1"}
    said = CommandLine(server, terminal=True, environment=environment)("deploy", str(service_file))
    [*_, bar] = (line for line in said.out.splitlines() if line.startswith("traffic "))
    assert len(bar.rstrip()) == min(width, 8 + BAR)


def test_requests_are_counted_from_the_first_picture() -> None:
    picture = LiveView(UNICODE, ZONE)
    view = documents.switched_view()
    draw(picture, view, documents.cluster_view())
    later = documents.cluster_view(
        traffic={
            "shop-v000": GroupTraffic(requests=88220, failed=3),
            "shop-v001": GroupTraffic(requests=2438, failed=17),
        }
    )
    drawn = draw(picture, view, later)
    assert "1,234 requests  17 failed" in drawn
    assert "  100 requests   0 failed" in drawn


@pytest.mark.parametrize("height", [16, 18, 20])
def test_a_long_plan_is_shown_around_its_present_step(height: int) -> None:
    plan = plans.rolling()
    steps = [documents.step(step, n, n, n + 0.5) for n, step in enumerate(plan.steps[:7], start=1)]
    ready = documents.step(
        plan.steps[7], 8, 8.0, None, waiting_for="why " * 40, deadline=NOW + seconds(60)
    )
    view = DeploymentView(record=documents.record(plan=plan), steps=(*steps, ready))
    drawn = draw(LiveView(UNICODE, ZONE), view, documents.cluster_view(), height=height)
    assert len(drawn.splitlines()) <= height
    assert "wait until 2 of 2 instances of shop-v001 are healthy" in drawn
    assert re.search(r"… \d steps before", drawn)


def test_attempts_are_shown_while_a_step_is_tried_again() -> None:
    view = documents.waiting_view()
    trying = view.steps[-1].model_copy(update={"attempts": 3})
    again = view.model_copy(update={"steps": (*view.steps[:-1], trying)})
    assert "are healthy (attempt 3)" in draw(LiveView(UNICODE, ZONE), again, None)


def test_a_step_that_was_cut_short_is_marked() -> None:
    view = documents.waiting_view()
    cut = view.steps[-1].model_copy(update={"state": StepState.CANCELED})
    drawn = draw(
        LiveView(UNICODE, ZONE), view.model_copy(update={"steps": (*view.steps[:-1], cut)}), None
    )
    assert "⊘  wait until" in drawn


def test_at_a_terminal_the_picture_is_drawn_again_in_place(service_file: Path) -> None:
    views = [documents.waiting_view(), documents.switched_view(), documents.rolled_back_view()]
    server = FakeServer(views=views, cluster=documents.cluster_view())
    said = CommandLine(server, terminal=True)("deploy", str(service_file))
    assert said.out.startswith("\x1b[?25l")
    assert "\x1b[1A\x1b[2K" in said.out
    last = said.out.rpartition("\x1b[2K")[2]
    assert "way back:" in last
    assert last.endswith("\x1b[?25hMore: turnout show d-k3v9x2m7qa\n")


def test_for_programs_nothing_moves_even_at_a_terminal(service_file: Path) -> None:
    server = FakeServer(views=[documents.succeeded_view()], cluster=documents.cluster_view())
    said = CommandLine(server, terminal=True)("deploy", str(service_file), "-o", "json")
    assert said.out.startswith("{")
    assert "\x1b[?25l" not in said.out + said.err
