from __future__ import annotations

import subprocess
import sys
import threading

import httpx2
import pytest

from tests.unit.cli import documents
from tests.unit.cli.fake_server import FakeServer, listening


def complete(words: str, server: str) -> list[str]:
    """What bash offers after these words."""
    done = subprocess.run(
        [sys.executable, "-c", "from turnout.cli.app import main; main()"],
        env={
            "PATH": "/usr/bin:/bin",
            "TURNOUT_SERVER": server,
            "_TURNOUT_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - (0 if words.endswith(" ") else 1)),
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("turnout rollback ", ["shop"]),
        ("turnout rollback sh", ["shop"]),
        ("turnout rollback x", []),
        ("turnout rollback shop --to ", ["shop-v000", "shop-v001"]),
        ("turnout destroy ", ["shop-v000", "shop-v001"]),
        ("turnout logs ", ["shop", "shop-v000", "shop-v001"]),
        ("turnout cancel ", ["d-k3v9x2m7qa", "shop"]),
        ("turnout deploy x --strategy ro", ["rolling_blue_green"]),
        ("turnout ro", ["rollback"]),
        ("turnout canary config show ch", ["checkout"]),
        ("turnout canary config im", ["import"]),
    ],
)
def test_names_of_the_server_are_offered(words: str, offered: list[str]) -> None:
    with listening(FakeServer(cluster=documents.cluster_view())) as url:
        assert complete(words, url) == offered


def test_a_server_that_hangs_is_not_waited_for() -> None:
    end = threading.Event()

    class Hanging(FakeServer):
        def answer(self, request: httpx2.Request) -> httpx2.Response:
            end.wait(60)  # longer than the completion may take
            return super().answer(request)

    with listening(Hanging()) as url:
        try:
            assert complete("turnout rollback ", url) == []
        finally:
            end.set()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "not an address"])
def test_a_server_that_is_away_offers_nothing(url: str) -> None:
    assert complete("turnout rollback ", url) == []


def test_another_program_on_the_port_offers_nothing() -> None:
    with listening(FakeServer(problems={"GET /clusters": (200, {"other": 1})})) as url:
        assert complete("turnout rollback ", url) == []
