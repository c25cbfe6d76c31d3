from __future__ import annotations

import json

import httpx2

from tests.unit.cli import documents
from tests.unit.cli.command_line import CommandLine
from tests.unit.cli.fake_server import FakeServer
from turnout.cli.exits import Exit


def test_the_log_of_a_group_is_printed_as_it_is() -> None:
    server = FakeServer(log=["ready", "\x1b[32mgreen\x1b[0m"])
    said = CommandLine(server)("logs", "shop-v001", "--instance", "i-003", "--lines", "2")
    assert said.code == Exit.SUCCESS
    assert said.out == "shop-v001: ready\nshop-v001: \x1b[32mgreen\x1b[0m\n"
    assert server.asked[0].url.path == "/api/v1/groups/shop-v001/log"
    assert dict(server.asked[0].url.params) == {
        "lines": "2",
        "follow": "false",
        "instance": "i-003",
    }


def test_the_log_of_a_cluster_is_that_of_all_its_groups_with_traffic() -> None:
    server = FakeServer(log=["ready"], cluster=documents.cluster_view())
    said = CommandLine(server)("logs", "shop")
    assert said.out == "shop-v000 shop-v000: ready\nshop-v001 shop-v001: ready\n"


def test_the_log_of_a_cluster_includes_a_group_that_is_being_deployed() -> None:
    view = documents.cluster_view({"shop-v000": 1000})
    said = CommandLine(FakeServer(log=["ready"], cluster=view))("logs", "shop")
    assert "shop-v001 shop-v001: ready\n" in said.out
    idle = documents.cluster_view({"shop-v000": 1000}, running=None)
    said = CommandLine(FakeServer(log=["ready"], cluster=idle))("logs", "shop")
    assert said.out == "shop-v000: ready\n"


def test_several_logs_are_followed_at_once() -> None:
    server = FakeServer(log=["ready"], cluster=documents.cluster_view())
    said = CommandLine(server)("logs", "shop", "--follow")
    assert sorted(said.out.splitlines()) == [
        "shop-v000 shop-v000: ready",
        "shop-v001 shop-v001: ready",
    ]
    follows = [r.url.params["follow"] for r in server.asked if r.url.path.endswith("/log")]
    assert follows == ["true", "true"]


def test_the_log_for_programs_is_a_document_per_line() -> None:
    said = CommandLine(FakeServer(log=["ready"]))("logs", "shop-v001", "-o", "json")
    assert [json.loads(line) for line in said.out.splitlines()] == [
        {"group": "shop-v001", "line": "shop-v001: ready"}
    ]


def test_a_group_that_does_not_exist_ends_with_2() -> None:
    said = CommandLine(FakeServer())("logs", "shop-v999")
    assert said.code == Exit.USAGE
    assert said.err.startswith("Error: there is no server group shop-v999.\n")


def test_a_group_that_goes_while_several_are_followed_is_told() -> None:
    view = documents.cluster_view()
    server = FakeServer(log=["ready"], cluster=view)
    problem = {"detail": "shop-v001 is gone", "code": "not_found", "status": 404}
    server.problems["GET /groups/shop-v001/log"] = (404, problem)
    said = CommandLine(server)("logs", "shop", "--follow")
    assert said.code == Exit.USAGE
    assert "shop-v001 is gone." in said.err


def test_a_cluster_without_traffic_names_its_groups() -> None:
    view = documents.cluster_view({}, running=None)
    said = CommandLine(FakeServer(cluster=view))("logs", "shop")
    assert said.code == Exit.USAGE
    assert "it has: shop-v000, shop-v001." in said.err


def test_an_interrupt_ends_following_quietly() -> None:
    def interrupt(_: httpx2.Request) -> httpx2.Response:
        raise KeyboardInterrupt

    said = CommandLine(transport=httpx2.MockTransport(interrupt))("logs", "shop-v001", "-f")
    assert said.code == Exit.INTERRUPTED
    assert said.err == ""
