from __future__ import annotations

import json
import math
from datetime import timedelta

from tests.unit.canary.house import CANARY, config, metric
from tests.unit.canary.recorded import (
    BEGAN,
    CPU,
    ERRORS,
    ID,
    MEMORY,
    alike,
    broken,
    errors,
    level,
    record,
)
from turnout.canary.evidence import Slice
from turnout.canary.reports import build_report, build_samples
from turnout.model.analysis import AnalysisMode, AnalysisVerdict, Judgment
from turnout.model.report import Report, Standing

LATER = BEGAN + timedelta(minutes=5)
END = timedelta(minutes=2)


def test_a_failed_canary_tells_what_decided_it_first() -> None:
    report = build_report(
        record(AnalysisVerdict.FAIL, "Failed after 20 s.", ended_after=END), broken(), None, LATER
    )
    assert report.headline == "The canary failed: shop-v004 does worse than shop-v003."
    first, other = report.metrics
    assert (first.name, first.decided, first.standing) == ("errors", True, Standing.HARM)
    assert (other.name, other.decided) == ("latency", False)
    assert report.reasons == (first.sentence,)
    assert "chance alone would show this less than once in" in first.sentence


def test_a_metric_has_both_series_its_bounds_and_its_evidence_over_time() -> None:
    report = build_report(record(), broken(), None, LATER)
    found = report.metrics[0]
    (series,) = found.series
    assert (series.unit, len(series.seconds)) == ("%", 40)
    assert len(series.canary) == len(series.baseline) == 40
    known = [value for value in series.canary if value is not None]
    assert 13 < sum(known) / len(known) < 17
    course = found.course
    assert course is not None
    assert course.seconds[-1] == 120
    assert course.e_value[-1] > 1000
    last = (course.low[-1], course.ratio[-1], course.high[-1])
    low, ratio, high = (value for value in last if value is not None)
    assert 3 < low < ratio < high < 20
    assert found.needed_e_value is not None
    assert found.words.chance == "less than 1 in a billion"


def test_a_latency_shows_the_threshold_that_speaks_most_for_harm_first() -> None:
    slow = Slice(
        metric="latency",
        first=0,
        canary=((4.0,) * 60, (3.0,) * 60, (40.0,) * 60),
        baseline=((4.0,) * 60, (1.0,) * 60, (40.0,) * 60),
    )
    report = build_report(record(), (errors(0.02, 0.02, 60), slow), None, LATER)
    found = next(metric for metric in report.metrics if metric.name == "latency")
    assert [series.title for series in found.series] == [
        "requests slower than 250 ms",
        "requests slower than 50 ms",
    ]
    assert (found.counted.canary_events, found.counted.baseline_events) == (180, 60)
    assert "requests in the canary were slower than 250 ms" in found.sentence


def test_a_running_canary_says_how_long_it_still_needs() -> None:
    report = build_report(record(), alike(60), None, BEGAN + timedelta(seconds=60))
    assert report.headline == ("Still comparing shop-v004 with shop-v003: nothing is decided yet.")
    assert report.compared == (
        "shop-v004 (canary) beside shop-v003 (baseline) of cluster shop, each with 5 % of the "
        "traffic: 60 s of 2 min from 2026-01-01 13:00:00 UTC on."
    )
    (reason,) = report.reasons
    assert reason.startswith("Nothing unusual so far; ")
    assert reason.endswith(" more to be sure.")


def test_a_passed_canary_tells_what_is_excluded() -> None:
    ended = record(AnalysisVerdict.PASS, "Passed: no harm was found.", ended_after=END)
    report = build_report(ended, alike(), None, LATER)
    assert report.headline == "The canary passed: no harm was found in shop-v004."
    assert report.metrics[0].end_p is not None
    assert "an increase above" in report.reasons[1]


def test_a_person_that_is_asked_is_told_until_when() -> None:
    until = BEGAN + timedelta(hours=4)
    asking = record(
        AnalysisVerdict.ASKING, until=until, mode=AnalysisMode.MANUAL, judges=("anna", "team-lead")
    )
    report = build_report(asking, alike(60), None, LATER)
    assert report.until == until
    assert report.reasons[0] == (
        "anna or team-lead may answer until 2026-01-01 17:00:00 UTC, for this canary is judged "
        "by a person. Without an answer it fails."
    )


def test_what_a_person_said_is_what_decided() -> None:
    judgment = Judgment(analysis=ID, choice="pass", by="anna", comment="known", at=LATER)
    ended = record(AnalysisVerdict.PASS, "anna said pass", ended_after=END)
    report = build_report(ended, broken(), judgment, LATER)
    assert report.headline == "anna decided: shop-v004 passes."
    assert report.reasons[0] == "anna said pass at 13:05:00 UTC: “known”."
    assert report.reasons[1].startswith("The figures at that time: Errors: 1")


def test_when_nobody_decided_the_figures_are_not_blamed() -> None:
    sentence = "nobody decided within 4h; the figures: undecided"
    ended = record(AnalysisVerdict.FAIL, sentence, mode=AnalysisMode.MANUAL, ended_after=END)
    report = build_report(ended, alike(), None, LATER)
    assert report.headline == "The canary failed: nobody decided in time."
    assert report.reasons == ("Nobody decided within 4h; the figures: undecided",)


def test_without_samples_a_report_says_what_is_missing() -> None:
    ended = record(AnalysisVerdict.INCONCLUSIVE, "no data", ended_after=END)
    report = build_report(ended, (), None, LATER)
    assert {metric.standing for metric in report.metrics} == {Standing.NO_DATA}
    assert report.headline == "No verdict: the figures say neither yes nor no."
    assert report.metrics[0].words.canary == "no figure"


def test_metrics_that_are_not_judged_are_named_with_their_reason() -> None:
    short = config(ERRORS, CPU, MEMORY)
    note = "cpu is not judged: 1m are too short, 1m40s needed"
    kept = record(
        configuration=short,
        duration=timedelta(minutes=1),
        notes=(note, "instances were restarted: canary 1, baseline 0"),
    )
    report = build_report(kept, (errors(0.02, 0.02, 60),), None, LATER)
    told = {one.name: one.reason for one in report.left_out}
    assert told["cpu"] == "1m are too short for it"
    assert all("restarted" in one for one in report.notes if "canary 1" in one)
    assert {metric.name for metric in report.metrics} == {"errors"}


def test_a_muted_metric_is_left_out_by_name() -> None:
    muted = metric("client errors", "proportion", "client_errors", muted=True)
    kept = record(configuration=config(ERRORS, muted))
    report = build_report(kept, (errors(0.02, 0.02),), None, LATER)
    assert [(one.name, one.reason) for one in report.left_out] == [("client errors", "it is muted")]


def test_under_the_compatible_judge_it_has_score_classifications_and_the_whole_document() -> None:
    kayenta = config(
        metric("errors", "legacy", "errors"),
        metric("cpu", "legacy", "cpu"),
        judge={"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        classifier={"groupWeights": {"errors": 70, "cpu": 30}},
    )
    worse = level("errors", [10.0 + n % 3 for n in range(40)], [2.0 + n % 3 for n in range(40)])
    same = level("cpu", [100.0 + n % 7 for n in range(40)], [100.0 + n % 7 for n in range(40)])
    kept = record(AnalysisVerdict.FAIL, "score 30", configuration=kayenta, ended_after=END)
    report = build_report(kept, (worse, same), None, LATER)
    assert (report.score, report.pass_score) == (30, 95)
    assert [(m.name, m.classification) for m in report.metrics] == [
        ("errors", "High"),
        ("cpu", "Pass"),
    ]
    assert report.result is not None
    assert report.result["score"]["classification"] == "Fail"
    assert report.metrics[0].words.difference == "3.69 times as much"
    assert report.metrics[0].series[0].canary[0] == 10


def test_a_report_is_plain_json_and_can_be_read_again() -> None:
    report = build_report(record(), alike(3), None, LATER)
    text = json.dumps(report.model_dump(mode="json"), allow_nan=False)
    assert Report.model_validate_json(text) == report


def test_samples_are_whole_series_with_gaps_as_null() -> None:
    gap = Slice(
        metric="errors",
        first=3,
        canary=((1.0, math.nan), (40.0, 40.0)),
        baseline=((0.0, 0.0), (40.0, 40.0)),
    )
    (samples,) = build_samples(record(), (errors(0, 0, 2), gap))
    assert samples.columns == ("events", "exposure")
    columns = [list(column) for column in samples.canary]
    assert columns == [[0, 0, None, 1, None], [40, 40, None, 40, 40]]
    assert (samples.start, samples.step) == (BEGAN, 1)
    assert samples.metric == "errors"


def test_the_canary_is_named_as_it_is_called() -> None:
    report = build_report(record(), (), None, LATER)
    assert (report.id, report.canary, report.deployment) == (ID, CANARY, "d-1")


def test_the_levels_of_a_gauge_are_as_far_apart_as_its_difference_says() -> None:
    """Of ratios the judge takes the mean; two arithmetic means would be 2.4 times apart here."""
    spiky = level("cpu", [2.0, 8.0] * 60, [1.0, 3.0] * 60)
    judged = config(metric("cpu", "gauge", "cpu"))
    (cpu,) = build_report(record(configuration=judged), [spiky], None, LATER).metrics
    assert cpu.ratio
    assert math.isclose(cpu.ratio, math.sqrt(2 * 8 / 3), rel_tol=1e-4)
    assert (cpu.words.canary, cpu.words.baseline) == ("0.004 cores", "0.00173 cores")
    assert cpu.words.difference == "2.31 times as much"
