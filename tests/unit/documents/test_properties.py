"""Generated files: no text breaks the reader, and what is valid means what it says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jsonschema
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.documents.files import FOLDER, WHOLE, read
from turnout.documents import read_service, service_schema
from turnout.documents.options_shape import options_record
from turnout.documents.service_shape import KEYS, STRATEGIES
from turnout.model.deployment import STRATEGY_OPTIONS, Service, StrategyName
from turnout.model.errors import InvalidDocument
from turnout.model.units import format_duration

JARGON = ("Input should", "Value error", "validation error", "type=", "Traceback", "pydantic")
VALIDATOR = jsonschema.Draft202012Validator(service_schema())

words = sorted(
    {*KEYS, *options_record(None).keys, *STRATEGIES, "http", "tcp", "metric", "figure", "sticky"}
    | {"cookie", "command", "port", "path", "status", "name", "trip_wires", "max", "error_share"}
)
scalars = st.one_of(
    st.sampled_from([*words, "10s", "10%", "0", "1.5", "/", "true", "never", "source", "8080"]),
    st.integers(-5, 70_000),
    st.booleans(),
    st.none(),
    st.floats(),
    st.text(max_size=5),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(words), st.text(max_size=3)), inner, max_size=6),
    ),
    max_leaves=25,
)


def check_refusal(text: str) -> Service | None:
    """Read it; a refusal must be one that an author can use."""
    try:
        return read(text)
    except InvalidDocument as error:
        assert error.problems
        lines = text.count("\n") + text.count("\r") + 2
        for problem in error.problems:
            assert problem.message
            assert not any(word in str(problem) for word in JARGON), problem
            assert 0 <= problem.line <= lines + text.count("\x85") + text.count("\u2028") + 1
    return None


@settings(deadline=None)  # the machine may be busy
@given(st.text())
@example("\ufeff")
@example("\x00")
@example("%YAML 1.1\n---\na: !!binary x")
@example("&a a: *a")
@example("? ? ?")
def test_no_text_breaks_the_reader(text: str) -> None:
    assert check_refusal(text) is None


@settings(deadline=None)
@given(st.text(alphabet="abc:-{}[],&*!|>'\"%@`#? \n\t0~\\", max_size=60))
def test_no_text_that_looks_like_yaml_breaks_the_reader(text: str) -> None:
    assert check_refusal(text) is None


@settings(max_examples=300, deadline=None)
@given(trees)
def test_no_tree_of_known_words_breaks_the_reader(tree: Any) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)
    if check_refusal(text) is not None:
        VALIDATOR.validate(tree)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_whole_file_with_one_thing_changed_is_read_or_refused(data: st.DataObject) -> None:
    lines = WHOLE.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[number].partition(":")
    lines[number] = key + colon + " " + data.draw(st.text(alphabet="a1%:/-{}[] ", max_size=8))
    check_refusal("\n".join(lines))


names = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True).filter(
    lambda name: not name.startswith("v")
)
durations = st.integers(1, 10**8).map(lambda ms: timedelta(milliseconds=ms))
# What every spelling can hold; JSON's escapes for other characters are not all known to YAML.
values = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=20)


@st.composite
def services(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A file, and what must be read from it."""
    strategy = draw(st.sampled_from(StrategyName))
    arguments = draw(st.lists(values.filter(bool), max_size=4))
    environment = draw(
        st.dictionaries(st.from_regex(r"[A-Z_]{1,3}[0-9]{1,2}", fullmatch=True), values, max_size=3)
    )
    steps = [*sorted(draw(st.sets(st.integers(1, 999), max_size=4))), 1000]
    times = {
        name: draw(durations)
        for name in ("watch", "ready_deadline", "scale_down_after", "drain_timeout", "step_hold")
        if name in STRATEGY_OPTIONS[strategy]
    }
    options: dict[str, Any] = {
        name: f"{time / timedelta(milliseconds=1):.0f}ms" for name, time in times.items()
    }
    if strategy is StrategyName.ROLLING_BLUE_GREEN:
        options["steps"] = [f"{step / 10}%" for step in steps]
    file = {
        "application": draw(names),
        "version": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True)),
        "run": {"command": ["./app", *arguments], "environment": environment},
        "instances": draw(st.integers(1, 1000)),
        "listener": {"port": draw(st.integers(1, 65535))},
    }
    if draw(st.booleans()):
        file |= {"strategy": strategy.value, "options": options}
    else:
        file |= {"strategy": {strategy.value: options}}
    read = {"times": times, "steps": steps, "strategy": strategy}
    return file, read


@settings(deadline=None)
@given(services(), st.sampled_from(["json", "yaml", "flow"]))
def test_a_valid_file_means_what_it_says_in_every_spelling(
    given_service: tuple[dict[str, Any], dict[str, Any]], spelling: str
) -> None:
    file, means = given_service
    text = {
        "json": json.dumps(file, ensure_ascii=False),
        "yaml": yaml.safe_dump(file, allow_unicode=True),
        "flow": yaml.safe_dump(file, default_flow_style=True),
    }[spelling]
    service = read_service(text, folder=FOLDER, name="generated")
    VALIDATOR.validate(file)
    assert service.application == file["application"]
    assert service.settings.version == file["version"]
    assert list(service.settings.run.command) == file["run"]["command"]
    assert service.settings.run.environment == file["run"]["environment"]
    assert service.instances == service.options.instances == file["instances"]
    assert service.listener.port == file["listener"]["port"]
    assert service.strategy is means["strategy"]
    times = dict(means["times"])
    if "drain_timeout" in times:
        assert service.settings.drain_timeout == times.pop("drain_timeout")
    for name, time in times.items():
        assert getattr(service.options, name) == time, format_duration(time)
    if service.strategy is StrategyName.ROLLING_BLUE_GREEN:
        assert list(service.options.steps) == means["steps"]
