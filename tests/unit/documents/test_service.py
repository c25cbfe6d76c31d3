from __future__ import annotations

from datetime import timedelta
from pathlib import PurePosixPath

import pytest

from tests.unit.documents.files import (
    FOLDER,
    SMALLEST,
    WHOLE,
    only,
    problems,
    read,
    told,
    with_line,
)
from turnout.documents import read_service
from turnout.model.checks import CommandCheck, HttpCheck, MetricCheck, OnError, TripWires
from turnout.model.deployment import OnFailure, Options, Scale, Service, StrategyName
from turnout.model.errors import InvalidDocument
from turnout.model.servers import (
    CommandProbe,
    GroupSettings,
    HttpProbe,
    Probe,
    Run,
    Stop,
    TcpProbe,
)
from turnout.model.traffic import Listener, Sticky


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_five_lines_are_a_service() -> None:
    assert read(SMALLEST) == Service(
        application="shop",
        settings=GroupSettings(
            version="1",
            run=Run(command=("python3", "app.py", "--port", "$PORT"), folder="/srv/shop"),
        ),
        listener=Listener(cluster="shop", port=8080),
    )


def test_everything_that_can_be_said_is_read() -> None:
    assert read(WHOLE) == Service(
        application="shop",
        stack="web",
        detail="eu-1",
        target="local",
        settings=GroupSettings(
            version="1.10",
            run=Run(
                command=("python3", "app.py", "--port", "$PORT", "--workers", "2"),
                environment={
                    "DEBUG": "on",
                    "LIMIT": "012",
                    "AT": "1:30",
                    "QUOTED": "yes",
                    "LINES": "one\ntwo\n",
                },
                folder="/srv/shop/current",
            ),
            probe=Probe(
                request=HttpProbe(
                    path="/healthz?deep=1",
                    method="HEAD",
                    headers={"Host": "shop"},
                    status_from=200,
                    status_to=299,
                ),
                interval=seconds(0.5),
                timeout=seconds(1),
                healthy_after=2,
                unhealthy_after=5,
                min_healthy_time=seconds(3),
            ),
            stop=Stop(signal="SIGINT", timeout=seconds(90)),
            restart_budget=0,
            drain_timeout=seconds(5),
        ),
        instances=2,
        listener=Listener(
            cluster="shop-web-eu-1",
            port=80,
            host="127.0.0.1",
            sticky=Sticky(by="cookie", name="visitor"),
            preview_header="x-preview",
        ),
        strategy=StrategyName.ROLLING_BLUE_GREEN,
        options=Options(
            instances="source",
            on_failure=OnFailure.PAUSE,
            keep_failed=True,
            ready_deadline=seconds(120),
            healthy_share=750,
            min_healthy_share=500,
            watch=timedelta(hours=1),
            watch_checks=(
                TripWires(),
                MetricCheck(name="p99_ms", figure="p99_ms", max=250, min_requests=100),
            ),
            keep=3,
            scale_down_after=timedelta(days=2),
            before_traffic=(
                HttpCheck(name="GET /smoke", path="/smoke"),
                HttpCheck(
                    name="smoke",
                    path="/smoke",
                    status_from=204,
                    status_to=204,
                    matches="^ok",
                    within=seconds(0.5),
                ),
                CommandCheck(name="smoke.sh", command=("./smoke.sh", "--quick")),
                CommandCheck(
                    name="last",
                    command=("sh", "-c", "exit 0"),
                    timeout=seconds(5),
                    on_error=OnError.FAIL,
                ),
            ),
            delay_before_switch=seconds(0),
            steps=(100, 250, 500, 1000),
            scale=Scale.FULL,
            step_hold=seconds(10),
            checks=(
                MetricCheck(name="error_share", figure="error_share", max=10, window=seconds(30)),
                TripWires(error_increase=5, latency_factor=3),
            ),
            shrink_source=True,
        ),
    )


def test_json_is_read_like_yaml() -> None:
    text = (
        '{"application": "shop", "version": "1", "port": 8080,'
        ' "run": {"command": "python3 app.py --port $PORT"}}'
    )
    assert read(text) == read(SMALLEST)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
aplication: shop
version: ""
run:
  comand: ./app
  environment: {PORT: 1, A-B: x, EMPTY: }
instances: 1001
port: "8080"
health: healthz
strategy: blue-green
options: {kep: 2, watch: 30, ready_deadline: 0s}
"""
    assert told(text) == [
        "line 1, column 1: aplication: there is no such key Did you mean 'application'?",
        "line 2, column 10: version: '' is no version: use up to 128 letters, digits and "
        ". _ + : / @ -, beginning with a letter or digit",
        "line 4, column 3: run.comand: there is no such key Did you mean 'command'?",
        "line 5, column 17: run.environment.PORT: PORT is set by Turnout for every instance; "
        "choose another name",
        "line 5, column 26: run.environment.A-B: 'A-B' is no name for an environment variable: "
        "use A-Z, 0-9 and _",
        "line 5, column 41: run.environment.EMPTY: a single value is expected, not nothing",
        "line 6, column 12: instances: 1001 is out of range: 1 to 1000 is allowed",
        "line 7, column 7: port: a whole number is expected, not the text '8080'; "
        "write it without quotes",
        "line 8, column 9: health: 'healthz' is no path: it begins with /, as in /healthz",
        "line 9, column 11: strategy: the text 'blue-green' is not one of blue_green, "
        "rolling_blue_green, highlander, canary, dark Did you mean 'blue_green'?",
        "line 10, column 11: options.kep: there is no such key Did you mean 'keep'?",
        "line 10, column 26: options.watch: '30' is not a duration: write 500ms, 10s, 5m, 1h30m "
        "or 2d",
        "line 10, column 46: options.ready_deadline: this must be longer than 0",
    ]


def test_the_message_names_the_file_and_counts() -> None:
    with pytest.raises(InvalidDocument, match=r"^shop\.yaml is not a valid service file: 2 prob"):
        read_service("port: 0\nrun: {command: x}\nversion: 1", folder=FOLDER, name="shop.yaml")


def test_what_is_required_is_asked_for() -> None:
    assert told("stack: web") == [
        "line 1, column 1: application: is missing",
        "line 1, column 1: run: is missing",
        "line 1, column 1: version: is missing, here and at the command line",
        "line 1, column 1: port: is missing: where do users' requests come in?",
    ]


@pytest.mark.parametrize("text", ["[]", "shop", "12", "- a\n- b"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    assert only(text).message.startswith("a mapping is expected, not ")


@pytest.mark.parametrize("written", ["1.10", '"1.10"', "012", "1e10", "v1", "2026-11-23", "on"])
def test_a_version_is_kept_as_it_is_written(written: str) -> None:
    text = SMALLEST.replace('"1"', written)
    assert read(text).settings.version == written.strip('"')


def test_a_version_of_the_command_line_takes_the_place_of_the_files() -> None:
    assert read(SMALLEST, version="2").settings.version == "2"
    without = SMALLEST.replace('version: "1"\n', "")
    assert read(without, version="2").settings.version == "2"
    assert only(without).path == "version"
    assert only(SMALLEST, version="a b").message.startswith("'a b' is no version")


@pytest.mark.parametrize(
    ("folder", "means"),
    [(".", "/srv/shop"), ("app", "/srv/shop/app"), ("../x/./y", "/srv/x/y"), ("/opt", "/opt")],
)
def test_a_folder_starts_where_the_file_lies(folder: str, means: str) -> None:
    text = SMALLEST.replace("run:\n", f"run:\n  folder: {folder}\n")
    assert read(text).settings.run.folder == means


def test_a_home_folder_is_not_guessed() -> None:
    assert "~" in only(SMALLEST.replace("run:\n", "run:\n  folder: ~/app\n")).message


def test_a_relative_folder_of_the_file_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="absolute"):
        read_service(SMALLEST, folder=PurePosixPath("shop"), name="service.yaml")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("./app", ("./app",)),
        ("""sh -c 'a && b' "c d" e\\ f""", ("sh", "-c", "a && b", "c d", "e f")),
        ("[./app, 8080, yes, 1.0, '12']", ("./app", "8080", "yes", "1.0", "12")),
        ('["a\\nb", ">"]', ("a\nb", ">")),
        (">-\n    ./app\n    --fast", ("./app", "--fast")),
    ],
)
def test_a_command_is_split_like_a_shell_does_without_being_one(
    command: str, words: tuple[str, ...]
) -> None:
    text = SMALLEST.replace("python3 app.py --port $PORT", command)
    assert read(text).settings.run.command == words


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("''", "this is empty"),
        ("'   '", "this is empty"),
        ("[]", "the list is empty"),
        ("['', x]", "a word of the command is empty"),
        ("[x, '']", "a word of the command is empty"),
        ("app ''", "a word of the command is empty"),
        ("[x, {a: b}]", "a single value is expected, not a mapping"),
        ("[x, ~]", "a single value is expected, not nothing"),
        ("{a: b}", "a single value or a list is expected, not a mapping"),
        ("", "a single value is expected, not nothing"),
        ("app 'x", "this command cannot be split: no closing quotation"),
        ("app && other", "there is no shell here that would understand &&"),
        ("app > log 2>&1", "there is no shell here that would understand 2>&1 >"),
        ("PORT=1 app", "'PORT=1' is a setting, not a command"),
        ('"a\\0b"', "holds a control character"),
        ('[x, "a\\0b"]', "this holds a zero byte"),
    ],
)
def test_a_command_that_cannot_run_is_refused(command: str, says: str) -> None:
    text = SMALLEST.replace("python3 app.py --port $PORT", command)
    assert says in only(text).message


@pytest.mark.parametrize("name", ["PORT", "INSTANCE", "VERSION", "TURNOUT_X", "TURNOUT_PROCESS"])
def test_names_that_turnout_sets_are_not_the_authors(name: str) -> None:
    text = SMALLEST.replace("run:\n", f"run:\n  environment: {{{name}: x}}\n")
    assert only(text).message.startswith(f"{name} is set by Turnout")


@pytest.mark.parametrize("name", ["1A", "A B", "A=B", "", "Ä", '"A\\n"'])
def test_names_that_no_environment_has_are_refused(name: str) -> None:
    text = SMALLEST.replace("run:\n", f"run:\n  environment: {{{name or chr(34) * 2}: x}}\n")
    assert "is no name for an environment variable" in only(text).message


@pytest.mark.parametrize(
    ("lines", "path", "says"),
    [
        ("application: Shop", "application", "'Shop' is not a name"),
        ("application: shop\nstack: we-b", "stack", "'we-b' is not a name"),
        ("application: shop\ndetail: -x", "detail", "'-x' is not a name"),
        ("application: shop\nstack: v001", "stack", "may not end like a server group"),
        ("application: shop\ndetail: a-v001", "detail", "may not end like a server group"),
        (f"application: {'x' * 59}", "application", "59 characters, 58 are allowed"),
        ("application: {a: b}", "application", "a single value is expected, not a mapping"),
        ("application: shop\nstack:", "stack", "a single value is expected, not nothing"),
    ],
)
def test_names_are_checked_where_they_stand(lines: str, path: str, says: str) -> None:
    problem = only(SMALLEST.replace("application: shop", lines))
    assert (problem.path, problem.line) == (path, lines.count("\n") + 1)
    assert says in problem.message


def test_an_empty_stack_with_a_detail_has_two_hyphens() -> None:
    service = read(with_line("detail: eu-1"))
    assert (service.cluster, service.listener.cluster) == ("shop--eu-1", "shop--eu-1")


def test_the_longest_names_are_read() -> None:
    assert len(read(SMALLEST.replace("shop", "x" * 58)).cluster) == 58


def test_an_unknown_target_names_the_known_ones() -> None:
    problem = only(with_line("target: locale"), targets=("local", "eu"))
    assert problem.message == "there is no target 'locale'; there are local, eu"
    assert (problem.line, problem.column, problem.nearest) == (6, 9, "local")
    assert read(with_line("target: eu"), targets=("local", "eu")).target == "eu"


def test_a_port_and_a_listener_are_one_too_many() -> None:
    assert only(with_line("listener: {port: 8080}")).path == "port"


@pytest.mark.parametrize("port", [1, 80, 1023, 65535])
def test_any_port_that_exists_is_fine(port: int) -> None:
    assert read(SMALLEST.replace("8080", str(port))).listener.port == port


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80.5", "http", "[80]", "true", ""])
def test_a_port_that_does_not_exist_is_refused(port: str) -> None:
    assert only(SMALLEST.replace("8080", port)).path == "port"


@pytest.mark.parametrize(
    ("listener", "path", "says"),
    [
        ("{}", "listener.port", "is missing"),
        ("{port: 1, host: example.org}", "listener.host", "is no address"),
        ("{port: 1, sticky: cookie}", "listener.sticky", "one key of cookie, header is expected"),
        ("{port: 1, sticky: {cookie: a, header: b}}", "listener.sticky", "not 2 keys"),
        ("{port: 1, sticky: {cookie: 'a b'}}", "listener.sticky.cookie", "is no name"),
        ("{port: 1, sticky: {cooky: a}}", "listener.sticky.cooky", "there is no such key"),
        ("{port: 1, preview_header: 'a b'}", "listener.preview_header", "no name for a header"),
        ("{port: 1, preview_header: Host}", "listener.preview_header", "a meaning of its own"),
    ],
)
def test_a_listener_is_checked(listener: str, path: str, says: str) -> None:
    problem = only(SMALLEST.replace("port: 8080", f"listener: {listener}"))
    assert problem.path == path
    assert says in problem.message


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "::"])
def test_a_listener_may_have_any_address(host: str) -> None:
    text = SMALLEST.replace("port: 8080", f"listener: {{port: 8080, host: '{host}'}}")
    assert read(text).listener.host == host


@pytest.mark.parametrize(
    ("health", "asks"),
    [
        ("/healthz", HttpProbe(path="/healthz")),
        ("{http: /healthz}", HttpProbe(path="/healthz")),
        ("{http: {status: 204}}", HttpProbe(status_from=204, status_to=204)),
        ("{http: {status: 200 - 399}}", HttpProbe(status_from=200, status_to=399)),
        ("{tcp: {}}", TcpProbe()),
        ("{tcp: }", TcpProbe()),
        ("{interval: 1s}", TcpProbe()),
        ("{command: check $PORT}", CommandProbe(command=("check", "$PORT"))),
        ("{command: [check, 1]}", CommandProbe(command=("check", "1"))),
    ],
)
def test_health_has_short_forms(health: str, asks: object) -> None:
    assert read(with_line(f"health: {health}")).settings.probe.request == asks


@pytest.mark.parametrize(
    ("health", "path", "says"),
    [
        ("{http: /a, tcp: {}}", "health.tcp", "there is http already"),
        ("{http: {path: a}}", "health.http.path", "is no path"),
        ("{http: {path: '/a b'}}", "health.http.path", "must be written as %XX"),
        ("{http: {status: 600}}", "health.http.status", "is no HTTP status"),
        ("{http: {status: 299-200}}", "health.http.status", "ends before it begins"),
        ("{http: {method: get}}", "health.http.method", "is not one of GET"),
        ("{http: {headers: {a b: x}}}", "health.http.headers.a b", "no name for a header"),
        ('{http: {headers: {a: "x\\r\\ny: z"}}}', "health.http.headers.a", "control character"),
        ("{tcp: {port: 1}}", "health.tcp.port", "there is no such key"),
        ("{command: ''}", "health.command", "this is empty"),
        ("{interval: 0}", "health.interval", "this must be longer than 0"),
        ("{intervall: 1s}", "health.intervall", "there is no such key"),
        ("{healthy_after: 0}", "health.healthy_after", "0 is out of range"),
        ("[/healthz]", "health", "a single value or a mapping is expected, not a list"),
    ],
)
def test_health_is_checked(health: str, path: str, says: str) -> None:
    problem = only(with_line(f"health: {health}"))
    assert problem.path == path
    assert says in problem.message


def test_a_signal_that_does_not_exist_is_refused() -> None:
    problem = only(with_line("stop: {signal: SIGTERN}"))
    assert (problem.path, problem.nearest) == ("stop.signal", "SIGTERM")


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("command: ./app", "run"),
        ("environment: {A: b}", "run"),
        ("keep: 2", "options"),
        ("steps: [100%]", "options"),
        ("host: 0.0.0.0", "listener"),
    ],
)
def test_a_key_in_the_wrong_place_is_told_where_it_belongs(line: str, place: str) -> None:
    problem = only(with_line(line))
    assert (problem.line, problem.column) == (6, 1)
    assert problem.message == f"this belongs under {place}"


def test_merge_keys_are_refused_by_name() -> None:
    text = SMALLEST.replace("run:\n", "run:\n  <<: {folder: x}\n")
    assert "merging" in only(text).message


def test_an_anchor_serves_twice() -> None:
    text = with_line(
        "health: {http: {headers: &h {A: b}}}\noptions: {before_traffic: [http: {headers: *h}]}"
    )
    check = read(text).options.before_traffic[0]
    assert isinstance(check, HttpCheck)
    assert check.headers == {"A": "b"}


def test_a_file_that_is_something_else_altogether_is_not_told_without_end() -> None:
    text = "\n".join(f"key{n}: {n}" for n in range(5_000))
    assert len(problems(text)) == 50


def test_mistakes_deep_inside_are_not_told_without_end_either() -> None:
    settings = "".join(f"    A-{n}: x\n" for n in range(500))
    text = SMALLEST.replace("run:\n", f"run:\n  environment:\n{settings}")
    assert len(problems(f"{text}keep: 2\n")) == 50
