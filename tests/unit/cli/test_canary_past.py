"""The commands about canaries without a deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.unit.cli.command_line import CommandLine, Result
from turnout.cli.views.lasting import minutes
from turnout.cli.views.queried import gaps, sparkline

RESULT = {
    "judgeName": "NetflixACAJudge-v1.0",
    "results": [
        {
            "name": "cpu",
            "id": "1",
            "tags": {"zone": "a"},
            "classification": "High",
            "classificationReason": "cpu was classified as High",
            "groups": ["system"],
            "experimentMetadata": {
                "stats": {"min": 1, "max": 3, "mean": 2.0, "std": 1, "count": 3}
            },
            "controlMetadata": {"stats": {"min": 0, "max": 0, "mean": 0.0, "std": 0, "count": 0}},
            "resultMetadata": {"ratio": "NaN"},
            "critical": True,
            "muted": False,
        }
    ],
    "groupScores": [
        {"name": "system", "score": 0, "classification": "", "classificationReason": ""}
    ],
    "score": {"score": 0.0, "classification": "Fail", "classificationReason": ""},
}
ROW = {
    "metric": "errors",
    "share": 50,
    "ratio": 1.5,
    "events": 100.0,
    "median_minutes": 327.2,
    "most_minutes": "Infinity",
    "advice": "Ask something else.",
}
DURATION = {
    "measured": [{"name": "errors", "kind": "proportion", "rate": 100.0, "part": 0.01}],
    "rows": [ROW],
}


class Server:
    """Answers every request with the same text."""

    def __init__(self, text: str, status: int = 200) -> None:
        self.text, self.status = text, status
        self.asked: list[httpx2.Request] = []

    def __call__(self, *arguments: str) -> Result:
        return CommandLine(transport=httpx2.MockTransport(self.answer))(*arguments)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        headers = {"content-type": "application/json"}
        return httpx2.Response(self.status, text=self.text, headers=headers)

    @property
    def body(self) -> Any:
        return json.loads(self.asked[-1].content)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"name": "shop", "judge": {"name": "x"}}')
    (tmp_path / "pairs.json").write_text("[]")
    (tmp_path / "broken.json").write_text("[1,")
    monkeypatch.chdir(tmp_path)


def lines(*documents: Any) -> str:
    return "".join(json.dumps(document) + "\n" for document in documents)


@pytest.mark.usefixtures("files")
def test_judging_files_sends_them_and_ends_as_the_judge_says() -> None:
    server = Server(json.dumps(RESULT))
    said = server("canary", "judge", "config.json", "pairs.json", "--judge", "sequential")
    assert said.code == 1
    assert server.asked[-1].url.path == "/api/v1/judge"
    assert server.body["canaryConfig"]["judge"] == {"name": "turnout-sequential"}
    assert server.body["scoreThresholds"] == {"pass": 95, "marginal": 75}
    assert "cpu {zone:a}  High (critical)  -      -         2       cpu was" in said.out
    assert "Fail: score 0 of 100, by NetflixACAJudge-v1.0 (system 0)" in said.out
    passed = {**RESULT, "score": {**RESULT["score"], "classification": "Pass"}}  # type: ignore[dict-item] # a literal
    assert Server(json.dumps(passed))("canary", "judge", "config.json", "pairs.json").code == 0


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("judge", "sent"), [("compatible", 2), ("sequential", 1)])
def test_metrics_without_a_pair_are_judged_as_without_samples_and_named(
    judge: str, sent: int
) -> None:
    """The sequential judge does it by itself; Kayenta's own fetch sends an empty pair."""
    metrics = [{"name": "cpu"}, {"name": "disk"}]
    Path("config.json").write_text(json.dumps({"name": "shop", "metrics": metrics}))
    Path("pairs.json").write_text('[{"name": "cpu", "values": {"control": [], "experiment": []}}]')
    server = Server(json.dumps(RESULT))
    said = server("canary", "judge", "config.json", "pairs.json", "--judge", judge, "-o", "json")
    assert said.err == "pairs.json has no pair of disk: judged as without samples.\n"
    pairs = server.body["metricSetPairList"]
    assert len(pairs) == sent
    nothing: dict[str, list[float]] = {"control": [], "experiment": []}
    assert pairs[1:] == [{"name": "disk", "id": "disk", "values": nothing}][: sent - 1]


@pytest.mark.usefixtures("files")
def test_figures_that_are_not_finite_are_sent_as_texts() -> None:
    """As Python writes them, which is no JSON."""
    Path("pairs.json").write_text('[{"name": "a", "values": [NaN, -Infinity, Infinity, 1e999, 2]}]')
    server = Server(json.dumps(RESULT))
    assert server("canary", "judge", "config.json", "pairs.json").code == 1
    values = server.body["metricSetPairList"][0]["values"]
    assert values == ["NaN", "-Infinity", "Infinity", "Infinity", 2]


@pytest.mark.usefixtures("files")
def test_a_mistake_is_told_with_the_file_that_has_it() -> None:
    places = ("metricSetPairList[0].values", "metricSetPairList", "canaryConfig.name", "judge.name")
    problems = [{"message": "is missing", "path": place} for place in places]
    refused = {"status": 422, "code": "invalid_document", "detail": "x", "problems": problems}
    said = Server(json.dumps(refused), 422)("canary", "judge", "config.json", "pairs.json")
    assert said.code == 2
    assert said.err.splitlines()[:4] == [
        "pairs.json: [0].values: is missing",
        "pairs.json: is missing",
        "config.json: name: is missing",
        "config.json: judge.name: is missing",
    ]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("scores", "told"),
    [
        (("--pass", "101"), "--pass: 101 is no score: it is from 0 to 100."),
        (("--pass", "nan"), "--pass: nan is no score: it is from 0 to 100."),
        (("--marginal", "-1"), "--marginal: -1 is no score: it is from 0 to 100."),
        (("--pass", "60"), "--marginal: 75 is more than --pass, 60."),
    ],
)
def test_scores_that_mean_nothing_are_a_wrong_usage(scores: Any, told: str) -> None:
    server = Server("")
    said = server("canary", "judge", "config.json", "pairs.json", *scores)
    assert (said.code, server.asked) == (2, [])
    assert told in said.err


@pytest.mark.usefixtures("files")
def test_a_file_that_is_not_json_is_refused_before_anything_is_sent() -> None:
    server = Server("")
    said = server("canary", "judge", "config.json", "broken.json")
    assert (said.code, server.asked) == (2, [])
    assert "broken.json is not JSON" in said.err


def test_a_duration_is_asked_in_the_units_of_the_api_and_shown_in_those_of_people() -> None:
    server = Server(lines({"progress": {"doing": "x", "done": 0.5}}, {"result": DURATION}))
    said = server(
        *("canary", "duration", "--rate", "100", "--errors", "1%"),
        *("--traffic", "5%", "--regression", "50%"),
    )
    assert said.code == 0, said.err
    body = server.body
    assert (body["rate"], body["errors"], body["shares"]) == (100, 0.01, [50])
    assert (body["regression"], body["to"]) == (1.5, None)
    assert (body["config"], body["past"], body["seed"]) == ({"name": "default"}, 10_800, 1)
    assert "errors: 1.00 % of 100 requests/s" in said.out
    assert "errors  5 %       +50 %    100     5.5 h             never" in said.out
    assert "Ask something else." in said.out


def test_of_a_cluster_both_a_regression_and_a_share_of_errors_may_be_asked() -> None:
    server = Server(lines({"result": DURATION}))
    said = server(
        *("canary", "duration", "--cluster", "shop", "--config", "checkout", "--past", "1h"),
        *("--regression", "20%", "--to", "5%", "--seed", "0"),
    )
    assert said.code == 0, said.err
    body = server.body
    assert (body["regression"], body["to"]) == (1.2, 0.05)
    assert (body["config"], body["past"], body["seed"]) == ({"name": "checkout"}, 3600, 0)


RATE = ("duration", "--rate", "100", "--errors")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("duration", "--rate", "nan", "--errors", "1%"), "--rate: nan is no number of requests"),
        (("duration", "--rate", "inf", "--errors", "1%"), "--rate: inf is no number of requests"),
        (("duration", "--rate", "0", "--errors", "1%"), "--rate: 0 is no number of requests"),
        ((*RATE, "0.1%", "--to", "0.05%"), "0.05% is no regression: there are more errors now"),
        ((*RATE, "1%", "--to", "1.0%"), "1.0% is no regression: there are as many errors now"),
        ((*RATE, "0%"), "write the smallest share that you have seen, like 0.01%, and with --to"),
        ((*RATE, "0.00 %", "--to", "5%"), "write the smallest share that you have seen"),
        ((*RATE, "1%", "--config", "none"), "--config means nothing without --cluster."),
        ((*RATE, "1%", "--past", "1h"), "--past means nothing without --cluster."),
        ((*RATE, "1%", "--seed", "0"), "--seed means nothing without --cluster."),
        ((*RATE, "1%", "--to", "5%", "--regression", "9%"), "--regression means nothing with --to"),
        ((*RATE, "1%", "--cluster", "shop"), "--rate means nothing with --cluster"),
        (
            ("duration", "--cluster", "shop", "--errors", "1%"),
            "--errors means nothing with --cluster",
        ),
    ],
)
def test_a_duration_that_cannot_be_meant_is_a_wrong_usage(arguments: Any, told: str) -> None:
    server = Server("")
    said = server("canary", *arguments)
    assert (said.code, server.asked) == (2, [])
    assert told in said.err


def test_a_duration_of_nothing_is_a_wrong_usage() -> None:
    said = Server("")("canary", "duration", "--rate", "100")
    assert said.code == 2
    assert "say --rate and --errors" in said.err


def test_a_problem_at_the_end_of_the_lines_is_told_like_any_other() -> None:
    problem = {"status": 502, "code": "permanent", "detail": "It took too long", "hint": "Less."}
    server = Server(lines({"progress": {"doing": "x", "done": 0.5}}, {"problem": problem}))
    said = server("canary", "replay", "--cluster", "shop")
    assert said.code == 3
    assert said.err == "Error: It took too long.\nLess.\n"


def test_lines_that_end_before_the_result_are_no_answer() -> None:
    said = Server(lines({"progress": {"doing": "x", "done": 0.5}}))(
        "canary", "replay", "--cluster", "shop"
    )
    assert said.code == 5


def test_a_replay_asks_for_the_past_that_is_wanted() -> None:
    server = Server(lines({"result": {}}))
    said = server(
        *("canary", "replay", "--cluster", "shop", "--hours", "6", "--window", "10m"),
        *("--traffic", "2.5%", "-o", "json"),
    )
    assert said.code == 0, said.err
    body = server.body
    assert (body["past"], body["window"], body["share"]) == (21_600, 600, 25)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("replay",), "Name a cluster, or two groups."),
        (("replay", "--cluster", "shop", "--traffic", "60%"), "at most 50%"),
        (("compare", "--cluster", "shop", "--end", "1h"), "--end needs --start."),
        (("compare", "--cluster", "shop", "--lookback", "1h"), "--lookback needs --every."),
        (("compare", "--cluster", "shop", "--begin-after", "5m"), "--begin-after needs --every."),
        (
            (
                *("compare", "--cluster", "shop", "--every", "5m", "--begin-after", "5m"),
                *("--start", "2h", "--end", "1h"),
            ),
            "--begin-after means nothing with --end.",
        ),
        (("compare", "--cluster", "shop", "--every", "often"), "--every: "),
        (("compare", "--cluster", "shop", "--start", "soon"), "'soon' is no time"),
        (("query", "default"), "Name a configuration and one of its metrics, or a query."),
        (("query", "--query", "{"), "--query is not JSON"),
        (("query", "default", "errors", "--param", "x"), "'x' is not of the form name=value"),
        (("duration", "--cluster", "shop", "--to", "5"), "'5' is no part of something"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(arguments: Any, told: str) -> None:
    server = Server("")
    said = server("canary", *arguments)
    assert (said.code, server.asked) == (2, [])
    assert told in said.err


def test_a_query_shows_what_was_sent_and_what_came_and_warns() -> None:
    answer = {
        "type": "router",
        "text": "errors of shop-v001, per 60 s",
        "start": "2026-01-01T12:00:00Z",
        "end": "2026-01-01T12:04:00Z",
        "step_seconds": 60,
        "series": [{"tags": {}, "values": [1.0, "NaN", 3.0, 2.0]}],
        "warnings": ["The clock of metrics is 40 s ahead of ours."],
    }
    server = Server(json.dumps(answer))
    said = server("canary", "query", "--type", "router", "--metric-name", "errors")
    assert server.body["query"] == {"type": "router", "metricName": "errors"}
    assert "router  errors of shop-v001, per 60 s\n" in said.out
    assert "-       4       1 in 1 gap  1      2     1      3     ▁ █▅" in said.out
    assert said.out.endswith("The clock of metrics is 40 s ahead of ours.\n")
    empty = json.dumps({**answer, "series": []})
    assert (
        "no series: is the scope right?" in Server(empty)("canary", "query", "--type", "router").out
    )


def test_pictures_and_gaps_show_what_is_missing() -> None:
    nothing = float("nan")
    assert sparkline([0, 7, nothing, 3.5], is_unicode=True) == "▁█ ▅"
    assert sparkline([2, 2], is_unicode=False) == "__"
    assert sparkline([nothing], is_unicode=True) == ""
    assert gaps([1, nothing, nothing, 2, nothing]) == "3 in 2 gaps"
    assert gaps([1, 2]) == "0"


def test_minutes_are_told_as_people_say_them() -> None:
    told = [minutes(value) for value in (0.75, 12.2, 342.0, 4400.0, float("inf"))]
    assert told == ["45 s", "12 min", "5.7 h", "3 days", "never"]
