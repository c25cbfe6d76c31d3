from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import SecretStr

from turnout.logs import configure_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_an_event_is_a_line_of_json_with_its_fields(stream: io.StringIO) -> None:
    configure_logs("info", "json", stream)
    structlog.get_logger("x").info("split.confirmed", cluster="shop", took_ms=1.5)
    structlog.get_logger("x").debug("not.shown")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "split.confirmed", "cluster": "shop", "took_ms": 1.5, "level": "info"}


def test_libraries_log_through_the_same_door(stream: io.StringIO) -> None:
    configure_logs("info", "json", stream)
    logging.getLogger("some.library").warning("trouble with %s", "x")
    event = json.loads(stream.getvalue())
    assert (event["event"], event["level"]) == ("trouble with x", "warning")


def test_secrets_are_hidden_by_type_by_name_and_in_addresses(stream: io.StringIO) -> None:
    configure_logs("info", "json", stream)
    structlog.get_logger().info(
        "started",
        anything=SecretStr("s3cret"),
        token="s3cret",
        headers={"Authorization": "Bearer s3cret"},
        urls=["postgresql://me:s3cret@db/turnout"],
        store="postgresql://me:s3cret@db/turnout",
        tokens_seen=3,
    )
    line = stream.getvalue()
    assert "s3cret" not in line
    assert json.loads(line)["store"] == "postgresql://me:**********@db/turnout"
    assert json.loads(line)["tokens_seen"] == 3


def test_an_exception_comes_with_its_trace(stream: io.StringIO) -> None:
    configure_logs("info", "json", stream)
    try:
        raise ValueError("boom")
    except ValueError:
        structlog.get_logger().exception("request.failed", incident="abc")
    event = json.loads(stream.getvalue())
    assert "ValueError: boom" in event["exception"]
    assert event["incident"] == "abc"


def test_an_exception_of_a_library_comes_with_its_trace_too(stream: io.StringIO) -> None:
    configure_logs("info", "json", stream)
    error = ValueError("what went wrong inside")
    logging.getLogger("some.library").warning("it failed", exc_info=error)
    assert "ValueError: what went wrong inside" in json.loads(stream.getvalue())["exception"]


def test_people_get_lines_without_colours_outside_a_terminal(stream: io.StringIO) -> None:
    configure_logs("info", "console", stream)
    structlog.get_logger().info("server.ready", address="http://127.0.0.1:7600")
    line = stream.getvalue()
    assert "server.ready" in line
    assert "\x1b" not in line
    assert "address=http://127.0.0.1:7600" in line
