from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.documents.files import only, problems, read, with_line
from turnout.model.checks import Check, CommandCheck, HttpCheck, MetricCheck, TripWires


def checks(text: str) -> tuple[Check, ...]:
    return read(with_line(f"options: {{before_traffic: {text}}}")).options.before_traffic


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("http: /smoke", HttpCheck(name="GET /smoke", path="/smoke")),
        ("http: {}", HttpCheck(name="GET /")),
        (
            'http: {method: POST, path: /a, headers: {A: "1"}, body: "x\\ny", on_error: pass}',
            HttpCheck(
                name="POST /a",
                method="POST",
                path="/a",
                headers={"A": "1"},
                body="x\ny",
                on_error="pass",  # type: ignore[arg-type] # pydantic reads it
            ),
        ),
        (
            "command: /usr/bin/check it",
            CommandCheck(name="check", command=("/usr/bin/check", "it")),
        ),
        ("command: [./check, 1]", CommandCheck(name="check", command=("./check", "1"))),
        ('command: ["/a\\nb"]', CommandCheck(name="command", command=("/a\nb",))),
        (
            "metric: {figure: error_share, max: 1%}",
            MetricCheck(name="error_share", figure="error_share", max=10),
        ),
        (
            "metric: {figure: client_error_share, max: 5}",
            MetricCheck(name="client_error_share", figure="client_error_share", max=50),
        ),
        (
            "metric: {figure: p99_ms, max: 1.5s}",
            MetricCheck(name="p99_ms", figure="p99_ms", max=1500),
        ),
        (
            "metric: {figure: p50_ms, max: 250}",
            MetricCheck(name="p50_ms", figure="p50_ms", max=250),
        ),
        (
            "metric: {figure: requests, min: 1, max: 9.5}",
            MetricCheck(name="requests", figure="requests", min=1, max=9.5),
        ),
        ("trip_wires:", TripWires()),
        (
            "trip_wires: {error_increase: 2%, min_failed: 1, latency_factor: 1.5,"
            " latency_increase: 1s, min_requests: 5, window: 5m, timeout: 1m, name: wires}",
            TripWires(
                name="wires",
                error_increase=20,
                min_failed=1,
                latency_factor=1.5,
                latency_increase=timedelta(seconds=1),
                min_requests=5,
                window=timedelta(minutes=5),
                timeout=timedelta(minutes=1),
            ),
        ),
    ],
)
def test_a_check_is_read(text: str, check: Check) -> None:
    assert checks(f"[{{{text} }}]") == (check,)


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("[http: smoke]", "0.http", "is no path"),
        ("[http: {status: 2xx}]", "0.http.status", "is no HTTP status"),
        ("[http: {matches: '('}]", "0.http.matches", "is no regular expression"),
        (f"[http: {{matches: '{'x' * 1001}'}}]", "0.http.matches", "longer than 1000"),
        ("[http: {within: 1m}]", "0.http.within", "longer than the check's timeout"),
        ("[http: {within: 2s, timeout: 1s}]", "0.http.within", "longer than the check's timeout"),
        ("[http: {on_error: ignore}]", "0.http.on_error", "is not one of pause, fail, pass"),
        ("[http: {withn: 1s}]", "0.http.withn", "there is no such key"),
        ("[http: ]", "0.http", "is expected, not nothing"),
        ("[command: ]", "0.command", "a single value is expected, not nothing"),
        ("[command: {timeout: 1s}]", "0.command.command", "is missing"),
        ("[metric: {figure: error_share}]", "0.metric.figure", "needs a limit: add max or min"),
        ("[metric: {figure: error, max: 1%}]", "0.metric.figure", "is not one of error_share"),
        ("[metric: {max: 1%}]", "0.metric.figure", "is missing"),
        ("[metric: {figure: error_share, max: 0.5}]", "0.metric.max", "is unclear"),
        ("[metric: {figure: p99_ms, max: 1%}]", "0.metric.max", "is not a duration"),
        ("[metric: {figure: requests, max: many}]", "0.metric.max", "is no number"),
        ("[metric: {figure: requests, max: .nan}]", "0.metric.max", "is no number"),
        ("[metric: {figure: requests, min: 2, max: 1}]", "0.metric.min", "this is more than max"),
        ("[trip_wires: {latency_factor: 0.5}]", "0.trip_wires.latency_factor", "too small"),
        ("[trip_wires: {latency_factor: fast}]", "0.trip_wires.latency_factor", "a number is"),
        ("[trip_wires: {error_increase: 2}, htp: /]", "1.htp", "there is no such key"),
        (
            "[{}]",
            "0",
            "one key of http, command, metric, canary, trip_wires is expected, not 0 keys",
        ),
        ("[{http: /, command: x}]", "0", "is expected, not 2 keys"),
        ("[http]", "0", "is expected, not the text 'http'"),
        ("{http: /}", "", "a list is expected, not a mapping"),
        (f"[{'http: /,' * 51}]", "", "51 are too many: 50 are allowed"),
    ],
)
def test_a_check_is_refused_where_it_is_wrong(text: str, path: str, says: str) -> None:
    problem = only(with_line(f"options: {{before_traffic: {text}}}"))
    assert problem.path == ".".join(["options.before_traffic", *([path] if path else [])])
    assert says in problem.message


def test_checks_without_a_name_get_one_that_is_free() -> None:
    found = checks(
        "[http: /a, http: /a, http: {path: /b, name: GET /a (2)}, command: x, command: x]"
    )
    assert [check.name for check in found] == ["GET /a", "GET /a (3)", "GET /a (2)", "x", "x (2)"]


def test_one_name_for_two_checks_is_refused_where_it_is_repeated() -> None:
    (problem,) = problems(
        with_line(
            "options:\n  before_traffic:\n"
            "    - http: {name: a}\n    - command: {command: x, name: a}"
        )
    )
    assert (problem.path, problem.line, problem.column) == (
        "options.before_traffic.1.command.name",
        9,
        35,
    )
    assert problem.message == "another check is named 'a'"


def test_the_same_name_in_another_list_is_fine() -> None:
    options = read(
        with_line("options: {before_traffic: [http: {name: a}], watch_checks: [http: {name: a}]}")
    ).options
    assert options.before_traffic == options.watch_checks


def test_a_name_of_a_check_has_a_bearable_length() -> None:
    (check,) = checks(f"[http: /{'x' * 2000}]")
    assert len(check.name) == 80
