import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.testing.load.record import MAX_TEXTS, TOO_MANY, Columns, Row, Texts
from turnout.testing.load.report import Counts, Report, merge, percentile, read_report

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def row(
    due: float, status: int = 200, version: str = "1", *, latency: float = 0.25, error: str = ""
) -> Row:
    return Row(START.timestamp() + due, 0.0, latency, status, version, error, False)


def report(*rows: Row, started: int | None = None) -> Report:
    columns = Columns()
    for one in rows:
        columns.append(one)
    return Report(columns, Counts(started=len(rows) if started is None else started))


SWITCH = report(
    row(0),
    row(1),
    row(2, version="2"),
    row(3, version="1"),
    row(4, 500, "2", error="the shop is broken"),
    row(5, 0, "", latency=30, error="no answer within 30 s"),
    row(6, 404, "2"),
)


def test_a_server_error_and_no_answer_are_failures_and_a_wrong_page_is_not() -> None:
    assert SWITCH.failed == 2
    assert [answer.status for answer in SWITCH.failures()] == [500, 0]
    assert SWITCH.statuses == {0: 1, 200: 4, 404: 1, 500: 1}
    assert SWITCH.errors == {"the shop is broken": 1, "no answer within 30 s": 1}


def test_failures_are_shown_up_to_a_limit() -> None:
    many = report(*(row(second, 500) for second in range(50)))
    assert (many.failed, len(many.failures(limit=3))) == (50, 3)


def test_requests_are_counted_for_the_version_that_answered() -> None:
    versions = SWITCH.versions
    assert list(versions) == ["1", "2"]
    assert (versions["1"].requests, versions["1"].failed) == (3, 0)
    assert (versions["2"].requests, versions["2"].failed) == (3, 1)
    assert (versions["1"].first, versions["1"].last) == (at(0), at(3))


def test_the_first_and_the_last_request_of_a_version_go_by_when_they_were_sent() -> None:
    late = report(row(2, version="2"), row(1, version="2", latency=5), row(3, version="1"))
    first, last = late.first_of("2"), late.last_of("2")
    assert first is not None and first.due == at(1)
    assert last is not None and last.due == at(2)
    assert late.last_of("3") is None


def test_what_lies_between_two_times_leaves_the_end_out() -> None:
    part = SWITCH.between(at(1), at(4))
    assert [answer.due for answer in part] == [at(1), at(2), at(3)]
    assert (part.failed, part.unaccounted) == (0, 0)


def test_requests_without_an_end_are_unaccounted() -> None:
    assert report(row(0), started=3).unaccounted == 2


def test_latencies_leave_out_what_was_never_answered() -> None:
    assert SWITCH.latency_ms(100) == 250
    assert math.isnan(report().latency_ms(50))
    two = report(row(0, latency=0.125), row(1, version="2", latency=0.5))
    assert two.latency_ms(50, version="2") == 500


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (50, 50), (90, 90), (99, 99), (99.9, 100), (100, 100)]
)
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([float(value) for value in range(1, 101)], percent) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_so_many_per_cent_do_not_exceed_the_percentile(values: list[float], percent: float) -> None:
    found = percentile(sorted(values), percent)
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9
    assert sum(value < found for value in values) < len(values) * percent / 100 + 1e-9


def test_several_loads_become_one() -> None:
    other = report(row(0.5, version="3"), started=2)
    both = merge(SWITCH, other)
    assert both.requests == SWITCH.requests + 1
    assert both.unaccounted == 1
    assert [answer.version for answer in both][:2] == ["1", "3"]


def test_a_report_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    counts = Counts(started=8, reconnects=2, idle_closed=1, connections=4, lag=0.5)
    Report(SWITCH.columns, counts).write(file, with_answers=True)
    back = read_report(file)
    assert list(back) == list(SWITCH)
    assert back.counts == counts


def test_a_summary_alone_is_not_taken_for_a_report(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    SWITCH.write(file)
    assert json.loads(file.read_text())["summary"]["failed"] == 2
    with pytest.raises(ValueError, match="no single answers"):
        read_report(file)


@pytest.mark.parametrize("damage", ["due", "versions"])
def test_a_torn_file_is_refused(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "report.json"
    SWITCH.write(file, with_answers=True)
    document = json.loads(file.read_text())
    document["answers"][damage] = ""
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="recorded answers"):
        read_report(file)


def test_the_text_of_a_report_leads_with_what_failed() -> None:
    text = str(SWITCH)
    assert text.startswith("7 requests in 35.0 s (0/s), 2 failed, 0 repeated, 0 unaccounted")
    assert "version 2: 3 requests, 1 failed" in text
    assert "12:00:04.000000 after 0.250 s from version 2: 500 the shop is broken" in text


def test_the_figures_of_a_report_without_any_answer_are_no_numbers_that_mislead() -> None:
    assert report().summary()["latency_ms"]["p99"] is None


def test_adding_rows_does_not_change_a_copy() -> None:
    columns = Columns()
    columns.append(row(0))
    copy = columns.copy()
    columns.append(row(1, version="2"))
    assert (len(copy), copy.versions.texts) == (1, ["", "1"])


def test_more_different_texts_than_are_kept_share_one() -> None:
    texts = Texts()
    numbers = {texts.number(f"error {count}") for count in range(MAX_TEXTS + 10)}
    assert max(numbers) < MAX_TEXTS
    assert texts.texts[texts.number("one more")] == TOO_MANY
