from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.metrics.scopes import scope
from turnout.metrics.cloudwatch import build_content, build_metric, parse_page
from turnout.metrics.signature import Credentials, sign
from turnout.model.canary.queries import CloudWatchQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent, Temporary


def metric(asked: CanaryScope, **fields: Any) -> dict[str, Any]:
    given = {"type": "cloudwatch", "namespace": "AWS/EC2", "metricName": "CPU", **fields}
    return build_metric(CloudWatchQuery.model_validate(given), asked)


def test_dimensions_may_name_the_scope() -> None:
    found = metric(scope(), dimensions={"Group": "${scope}", "Fixed": "a"}, statistic="p99")
    assert found == {
        "Metric": {
            "Namespace": "AWS/EC2",
            "MetricName": "CPU",
            "Dimensions": [
                {"Name": "Group", "Value": "shop-v002"},
                {"Name": "Fixed", "Value": "a"},
            ],
        },
        "Period": 60,
        "Stat": "p99",
    }


@pytest.mark.parametrize(
    ("asked", "fields", "path"),
    [
        (scope(), {"namespace": ""}, "query.namespace"),
        (scope(), {"metricName": ""}, "query.metricName"),
        (scope(), {"statistic": "Mean"}, "query.statistic"),
        (scope(step=7), {}, "scope.step"),
        (scope(), {"dimensions": {"A": "${b}"}}, "query.dimensions.A"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(
    asked: CanaryScope, fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        metric(asked, **fields)
    assert refusal.value.problems[0].path == path


def test_the_question_goes_on_with_the_token_of_the_page_before() -> None:
    asked = json.loads(build_content('{"Period": 60}', scope(), "more"))
    assert asked == {
        "MetricDataQueries": [{"Id": "figures", "MetricStat": {"Period": 60}}],
        "StartTime": 1772366400.0,
        "EndTime": 1772370000.0,
        "ScanBy": "TimestampAscending",
        "NextToken": "more",
    }


def page(status: str, times: list[object], values: list[object]) -> dict[str, object]:
    result = {"Id": "figures", "StatusCode": status, "Timestamps": times, "Values": values}
    return {"MetricDataResults": [result]}


def test_a_page_is_times_and_values() -> None:
    found = parse_page(page("Complete", [60, 120.0], [1, 2.5]), "aws")
    assert found == ([(60_000, 1.0), (120_000, 2.5)], "")


def test_a_part_is_fine_while_more_is_to_come() -> None:
    part = {**page("PartialData", [60], [1]), "NextToken": "more"}
    assert parse_page(part, "aws") == ([(60_000, 1.0)], "more")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (page("PartialData", [60], [1]), Temporary),
        (page("InternalError", [], []), Temporary),
        (page("Complete", [60, 120], [1]), Temporary),
        (page("Complete", ["x"], [1]), Temporary),
        ({}, Temporary),
        (page("Forbidden", [], []), Permanent),
    ],
)
def test_a_page_that_is_not_whole_is_refused(answer: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="aws"):
        parse_page(answer, "aws")


NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_the_signature_is_that_of_the_published_examples(method: str, signature: str) -> None:
    """`get-vanilla` and `post-vanilla` of AWS's test suite for Signature Version 4."""
    signed = sign(
        EXAMPLE,
        method=method,
        headers={"Host": "example.amazonaws.com"},
        region="us-east-1",
        service="service",
        now=NOW,
    )
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


def test_a_session_token_is_sent_and_signed() -> None:
    signed = sign(
        Credentials("A", "B", "session"),
        headers={"Host": "h"},
        region="r",
        service="s",
        now=NOW,
    )
    assert signed["x-amz-security-token"] == "session"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in signed["authorization"]


def test_credentials_are_not_printed() -> None:
    assert "wJalr" not in repr(EXAMPLE)
