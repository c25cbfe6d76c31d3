from __future__ import annotations

import json

from tests.unit.cli import documents
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.documents import NOW, seconds
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.answers import DeploymentView
from turnout.cli.exits import Exit
from turnout.model.deployment import Kind, Status
from turnout.model.journal import DeploymentRecord


def refused_destroy() -> DeploymentRecord:
    return documents.record(
        Status.REFUSED,
        request=documents.request(Kind.DESTROY, group="shop-v001", id="d-bbbbbbbbbb"),
        plan=None,
        started_at=None,
        sentence="shop-v001 is the only healthy enabled server group of shop",
    )


def views() -> list[DeploymentView]:
    return [
        documents.waiting_view(),
        DeploymentView(record=refused_destroy()),
        documents.rolled_back_view(),
        documents.succeeded_view(),
    ]


HISTORY = """\
time                     id            cluster  what        version  status         took  outcome
2025-11-23 14:03:07 CET  d-k3v9x2m7qa  shop     blue_green  1.2.0    running      12.0 s  wait until 2 of 2 instances of shop-v001 are healthy
2025-11-23 14:03:07 CET  d-bbbbbbbbbb  shop     destroy     v001     refused           -  shop-v001 is the only healthy enabled server group of shop
2025-11-23 14:03:07 CET  d-k3v9x2m7qa  shop     blue_green  1.2.0    rolled back   9.5 s  rolled back, traffic is back on shop-v000: trip wires: 48 ‰ of 340 requests failed, 0 ‰ before the switch
2025-11-23 14:03:07 CET  d-k3v9x2m7qa  shop     blue_green  1.2.0    succeeded    35.3 s  deploy shop 1.2.0 by blue_green: done
"""  # noqa: E501 - as it is printed

SHOW = """\
deploy shop 1.2.0 by blue_green
  id        d-k3v9x2m7qa
  outcome   rolled back, traffic is back on shop-v000
  cause     trip wires: 48 ‰ of 340 requests failed, 0 ‰ before the switch
  way back  noticed 3.8 s after the switch, decided in 12 ms, traffic back in 178 ms, 17 requests to the new version failed in between
  by        anna@build1
  asked     2025-11-23 14:03:07 CET
  began     2025-11-23 14:03:07 CET
  switched  2025-11-23 14:03:12 CET
  ended     2025-11-23 14:03:16 CET, after 9.5 s

Steps (5 of 7 planned)
     step                                                   took  at most  tries  what came of it
  ✓  pin shop-v000 to at least 2 instances                 10 ms  moments      1
  ✓  create shop-v001 with 2 instances of version 1.2.0    80 ms  moments      1
  ✓  wait until 2 of 2 instances of shop-v001 are healthy  5.0 s       2m      1  2 of 2 healthy
  ✓  shift traffic: shop-v001 100 %                        50 ms  moments      1
  ✗  watch shop-v001 for 30s                               3.8 s      30s      1  trip wires: 48 ‰ of 340 requests failed, 0 ‰ before the switch
  —  let the requests on shop-v000 finish                             30s         not reached
  —  release shop-v000                                            moments         not reached

Way back
     step                                        took  at most  tries  what came of it
  ✓  make sure that 1 of shop-v000 are healthy  80 ms               1
  ✓  return traffic: shop-v000 100 %            80 ms               1
  ✓  let the requests on shop-v001 finish       80 ms               1
  ✓  destroy shop-v001                          80 ms               1

Traffic
  confirmed at  generation  confirmed in  split
  14:03:12 CET           4          8 ms  shop-v001 100 %
  14:03:16 CET           5         60 ms  shop-v000 100 %

Checks
  at            step   check       verdict       what it found                                                   figures
  14:03:13 CET  watch  trip wires  inconclusive  12 requests are too few to judge                                requests 12
  14:03:15 CET  watch  trip wires  pass 2x       no worse than shop-v000                                         p99_ms 12.75, requests 402
  14:03:16 CET  watch  trip wires  fail          trip wires: 48 ‰ of 340 requests failed, 0 ‰ before the switch  failed 17, requests 340
"""  # noqa: E501 - as it is printed


def test_history_is_one_line_per_deployment() -> None:
    said = CommandLine(FakeServer(views=views()))("history")
    assert said.code == Exit.SUCCESS
    assert said.out == HISTORY


def test_history_at_a_terminal_puts_the_outcome_below_its_line() -> None:
    server = FakeServer(views=[documents.succeeded_view()])
    said = CommandLine(server, terminal=True, environment={"NO_COLOR": "1"})("history")
    first, second = (line.rstrip() for line in said.out.splitlines())
    assert first == (
        "2025-11-23 14:03:07 CET  \x1b[1mshop\x1b[0m  blue_green 1.2.0  succeeded  "
        "35.3 s  d-k3v9x2m7qa"
    )
    assert second == "    deploy shop 1.2.0 by blue_green: done"


def test_history_asks_for_what_is_wanted() -> None:
    server = FakeServer(views=views())
    CommandLine(server)(
        "history", "shop", "--status", "rolled_back", "--limit", "7", "--before", "d-x"
    )
    assert dict(server.asked[0].url.params) == {
        "cluster": "shop",
        "status": "rolled_back",
        "before": "d-x",
        "limit": "7",
    }
    CommandLine(server)("history")
    assert dict(server.asked[1].url.params) == {"limit": "20"}


def test_history_for_programs_is_the_servers_document() -> None:
    said = CommandLine(FakeServer(views=views()))("history", "-o", "json")
    assert json.loads(said.out) == [documents.document(view.record) for view in views()]


def test_an_empty_history_says_how_to_begin() -> None:
    said = CommandLine(FakeServer())("history")
    assert said.out == "No deployment yet. Begin with: turnout deploy service.yaml\n"


def test_the_history_of_a_cluster_that_never_was_ends_with_2() -> None:
    server = FakeServer(cluster=documents.cluster_view())
    problem = {"detail": "There is no cluster 'shp'", "hint": "Did you mean 'shop'?", "status": 404}
    server.problems["GET /clusters/shp"] = (404, {"code": "not_found", **problem})
    for more in ([], ["--status", "failed"]):
        said = CommandLine(server)("history", "shp", *more)
        assert said.code == Exit.USAGE
        assert said.err == "Error: There is no cluster 'shp'.\nDid you mean 'shop'?\n"


def test_a_history_without_what_was_asked_for_says_so() -> None:
    server = FakeServer(cluster=documents.cluster_view())
    for arguments in (["shop"], ["shop", "--status", "failed"], ["--before", "d-x"]):
        said = CommandLine(server)("history", *arguments)
        assert (said.code, said.out) == (Exit.SUCCESS, "No such deployment.\n")


def test_a_deployment_that_was_cancelled_is_spelled_as_people_do() -> None:
    record = documents.record(Status.CANCELED, sentence="cancelled by anna: oops", ended_at=NOW)
    server = FakeServer(views=[DeploymentView(record=record)])
    for arguments in (["history"], ["show", record.id], ["show", record.id, "-f"]):
        said = CommandLine(server)(*arguments)
        assert "cancelled" in said.out
        assert "canceled" not in said.out
    assert json.loads(CommandLine(server)("history", "-o", "json").out)[0]["status"] == "canceled"


def test_a_deployment_is_shown_against_its_plan() -> None:
    said = CommandLine(FakeServer(views=[documents.rolled_back_view()]))("show", "d-k3v9x2m7qa")
    assert said.code == Exit.SUCCESS
    assert said.out == SHOW


def test_a_paused_deployment_is_shown_with_its_question() -> None:
    said = CommandLine(FakeServer(views=[documents.paused_view()]))("show", "d-k3v9x2m7qa")
    assert "  status  paused: smoke test cannot be made" in said.out
    assert "\nQuestion: smoke test cannot be made" in said.out
    assert "turnout answer d-k3v9x2m7qa retry | rollback | stop | continue" in said.out
    assert "to come" in said.out


def test_all_that_was_asked_for_is_shown() -> None:
    asked = documents.request(reason="login\nis broken", force="it is night", by="anna")
    record = documents.record(request=asked, reverses="d-before")
    said = CommandLine(FakeServer(views=[DeploymentView(record=record)]))("show", record.id)
    for line in (
        "  reason    login / is broken\n",
        "  forced    it is night\n",
        "  reverses  d-before\n",
    ):
        assert line in said.out


def test_a_deployment_for_programs_is_the_servers_document() -> None:
    view = documents.rolled_back_view()
    said = CommandLine(FakeServer(views=[view]))("show", "d-k3v9x2m7qa", "-o", "json")
    assert json.loads(said.out) == documents.document(view)


def test_a_cluster_shows_the_deployment_that_goes_on_there() -> None:
    server = FakeServer(views=[documents.waiting_view()], cluster=documents.cluster_view())
    said = CommandLine(server)("show", "shop")
    assert said.code == Exit.SUCCESS
    assert "  id      d-k3v9x2m7qa\n" in said.out


def test_a_cluster_where_nothing_goes_on_shows_its_latest_deployment() -> None:
    server = FakeServer(
        views=[documents.succeeded_view()], cluster=documents.cluster_view(running=None)
    )
    said = CommandLine(server)("show", "shop")
    assert said.code == Exit.SUCCESS
    assert "outcome   succeeded: deploy shop 1.2.0 by blue_green: done\n" in said.out


def test_a_name_that_is_neither_says_where_to_look() -> None:
    said = CommandLine(FakeServer())("show", "nothing")
    assert said.code == Exit.USAGE
    assert said.err == (
        "Error: There is no deployment and no cluster 'nothing'.\n"
        "turnout history lists the deployments, turnout status the clusters.\n"
    )


def test_a_name_that_is_nearly_a_clusters_gets_the_nearest() -> None:
    problem = {"detail": "no", "hint": "Did you mean 'shop'? There are: shop.", "status": 404}
    server = FakeServer(problems={"GET /clusters/shp": (404, {"code": "not_found", **problem})})
    said = CommandLine(server)("show", "shp")
    assert said.err == (
        "Error: There is no deployment and no cluster 'shp'.\n"
        "Did you mean 'shop'? There are: shop.\n"
    )


def test_following_shows_the_progress_and_ends_like_the_deployment() -> None:
    server = FakeServer(views=[documents.waiting_view(), documents.rolled_back_view()])
    said = CommandLine(server, now=NOW + seconds(20))("show", "d-k3v9x2m7qa", "--follow")
    assert said.code == Exit.ROLLED_BACK
    assert "rolled back  traffic is back on shop-v000" in said.out
