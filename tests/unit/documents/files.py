"""Service files for tests, and what is wrong with them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest

from turnout.documents import read_service
from turnout.model.deployment import Service
from turnout.model.errors import InvalidDocument, Problem

FOLDER = PurePosixPath("/srv/shop")

SMALLEST = """\
application: shop
version: "1"
run:
  command: python3 app.py --port $PORT
port: 8080
"""

WHOLE = """\
application: shop
stack: web
detail: eu-1
target: local
version: 1.10
run:
  command: [python3, app.py, --port, $PORT, --workers, 2]
  environment:
    DEBUG: on
    LIMIT: 012
    AT: 1:30
    QUOTED: "yes"
    LINES: |
      one
      two
  folder: releases/../current
instances: 2
listener:
  port: 80
  host: localhost
  sticky: {cookie: visitor}
  preview_header: X-Preview
health:
  http: {path: "/healthz?deep=1", method: HEAD, headers: {Host: shop}, status: 200-299}
  interval: 500ms
  timeout: 1s
  healthy_after: 2
  unhealthy_after: 5
  min_healthy_time: 3s
stop: {signal: SIGINT, timeout: 1m30s}
restart_budget: 0
strategy:
  rolling_blue_green:
    steps: [10%, 25, 500‰, 100 %]
    step_hold: 10s
    scale: full
    shrink_source: true
    delay_before_switch: 0
    checks:
      - metric: {figure: error_share, max: 1%, window: 30s}
      - trip_wires: {error_increase: 0.5%, latency_factor: 3}
options:
  instances: source
  on_failure: pause
  keep_failed: true
  ready_deadline: 2m
  healthy_share: 75%
  min_healthy_share: 50%
  drain_timeout: 5s
  watch: 1h
  watch_checks:
    - trip_wires:
    - metric: {figure: p99_ms, max: 250ms, min_requests: 100}
  keep: 3
  scale_down_after: 2d
  before_traffic:
    - http: /smoke
    - http: {path: /smoke, status: 204, matches: "^ok", within: 500ms, name: smoke}
    - command: ./smoke.sh --quick
    - command: {command: [sh, -c, "exit 0"], timeout: 5s, on_error: fail, name: last}
"""


def read(text: str, **more: Any) -> Service:
    return read_service(text, folder=FOLDER, name="service.yaml", **more)


def problems(text: str, **more: Any) -> list[Problem]:
    with pytest.raises(InvalidDocument) as caught:
        read(text, **more)
    assert caught.value.problems
    return list(caught.value.problems)


def told(text: str, **more: Any) -> list[str]:
    return [str(problem) for problem in problems(text, **more)]


def with_line(line: str) -> str:
    """The smallest file with one more line."""
    return f"{SMALLEST}{line}\n"


def only(text: str, **more: Any) -> Problem:
    """The one mistake of a file."""
    (problem,) = problems(text, **more)
    return problem
