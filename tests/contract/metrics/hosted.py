"""Datadog, New Relic and CloudWatch as their documentation tells: what they answer when they are
asked for the points, and whom they let in.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.metrics.web import Asked, Reply, serving
from tests.contract.metrics.world import Point, Stage, points
from turnout.metrics.accounts import Account
from turnout.metrics.secrets import Secret
from turnout.model.canary.queries import CloudWatchQuery, DatadogQuery, NewRelicQuery

_KEY = Secret("the-right-key")


def _series(group: str) -> dict[str, list[Point]]:
    """The points of a group by zone."""
    found: dict[str, list[Point]] = {}
    for point in points():
        if point.group == group:
            found.setdefault(point.zone, []).append(point)
    return found


@asynccontextmanager
async def datadog() -> AsyncIterator[Stage]:
    """GET /api/v1/query."""

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("dd-api-key") != "the-right-key":
            return Reply({"errors": ["Forbidden"]}, 403)
        found = re.fullmatch(r"figure\{group:(\w+)\} by \{zone\}", asked.params["query"])
        if not found:
            return Reply({"errors": ["Error parsing query: unexpected end"]}, 400)
        start, end = int(asked.params["from"]), int(asked.params["to"])
        series = [
            {
                "metric": "figure",
                "interval": 60,
                "scope": f"group:{found[1]},zone:{zone}",
                "tag_set": [f"zone:{zone}"] if zone else [],
                "pointlist": [[p.second * 1000.0, p.value] for p in of if start <= p.second <= end],
            }
            for zone, of in _series(found[1]).items()
        ]
        return Reply({"status": "ok", "res_type": "time_series", "series": series})

    async with serving() as web:
        web.answer = answer
        yield Stage(
            account=Account(
                "dd", "datadog", web.url, secrets={"token": _KEY, "application_key": _KEY}
            ),
            query=DatadogQuery(
                type="datadog", custom_inline_template="figure{group:${scope}} by {zone}"
            ),
            wrong=DatadogQuery(type="datadog", metric_name="figure by"),
            zone_tags=({"zone": "a"}, {"zone": "b"}),
        )


@asynccontextmanager
async def newrelic() -> AsyncIterator[Stage]:
    """NerdGraph. It counts empty buckets as null, and gives no more than 366."""

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("api-key") != "the-right-key":
            return Reply({"errors": [{"message": "Invalid API key"}]}, 401)
        text = json.loads(asked.body)["variables"]["nrql"]
        found = re.fullmatch(
            r"SELECT average\(figure\) FROM T TIMESERIES (\d+) seconds SINCE (\d+) UNTIL (\d+) "
            r"WHERE group LIKE '(\w+)'",
            text,
        )
        if not found:
            error = {"message": "NRQL Syntax Error", "extensions": {"errorClass": "BAD_INPUT"}}
            return Reply({"data": None, "errors": [error]})
        step, since, until = (int(found[number]) for number in (1, 2, 3))
        assert (until - since) / step <= 366
        results = []
        for zone, of in _series(found[4]).items():
            values = {p.second: p.value for p in of}
            results += [
                {
                    **({"facet": zone, "zone": zone} if zone else {}),
                    "beginTimeSeconds": begin,
                    "endTimeSeconds": begin + step,
                    "average.figure": values.get(begin),
                }
                for begin in range(since, until, step)
            ]
        return Reply({"data": {"actor": {"account": {"nrql": {"results": results}}}}})

    async with serving() as web:
        web.answer = answer
        yield Stage(
            account=Account(
                "nr",
                "newrelic",
                web.url,
                options={"account_id": "17", "scope_key": "group"},
                secrets={"token": _KEY},
            ),
            query=NewRelicQuery(type="newrelic", select="average(figure) FROM T"),
            wrong=NewRelicQuery(type="newrelic", select="average( FROM T"),
            zone_tags=({"facet": "a"}, {"facet": "b"}),
        )


@asynccontextmanager
async def cloudwatch() -> AsyncIterator[Stage]:
    """GetMetricData, in pages of seven points. One metric has one series: the first zone's."""

    def answer(asked: Asked) -> Reply:
        if "Credential=the-right-key/" not in asked.headers.get("authorization", ""):
            kind = "com.amazon.coral.service#UnrecognizedClientException"
            return Reply({"__type": kind, "message": "The security token is invalid."}, 403)
        assert asked.headers["x-amz-target"].endswith(".GetMetricData")
        question = json.loads(asked.body)
        metric = question["MetricDataQueries"][0]["MetricStat"]["Metric"]
        if metric["Namespace"] != "Turnout":
            kind = "com.amazonaws.cloudwatch#InvalidParameterValueException"
            return Reply({"__type": kind, "message": "The namespace is reserved."}, 400)
        (group,) = (d["Value"] for d in metric["Dimensions"] if d["Name"] == "Group")
        series = next(iter(_series(group).values()), [])
        fitting = [p for p in series if question["StartTime"] <= p.second < question["EndTime"]]
        begin = int(question.get("NextToken", 0))
        part, has_more = fitting[begin : begin + 7], len(fitting) > begin + 7
        result = {
            "Id": "figures",
            "Label": "figure",
            "Timestamps": [float(p.second) for p in part],
            "Values": [p.value for p in part],
            "StatusCode": "PartialData" if has_more else "Complete",
        }
        more = {"NextToken": str(begin + 7)} if has_more else {}
        return Reply({"MetricDataResults": [result], "Messages": [], **more})

    async with serving() as web:
        web.answer = answer
        query = {"type": "cloudwatch", "metricName": "figure", "dimensions": {"Group": "${scope}"}}
        yield Stage(
            account=Account(
                "aws",
                "cloudwatch",
                web.url,
                options={"region": "eu-west-1"},
                secrets={"access_key": _KEY, "secret_key": _KEY},
            ),
            query=CloudWatchQuery.model_validate({**query, "namespace": "Turnout"}),
            wrong=CloudWatchQuery.model_validate({**query, "namespace": "AWS/None"}),
            zone_tags=({}, {}),
        )
