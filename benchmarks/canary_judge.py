"""How many metrics the compatible judge judges in a second, beside the same rules kept plain."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
from scipy.stats import norm, rankdata

from benchmarks.frame import Size, run, say
from benchmarks.outcome import Outcome, Table, below
from turnout.analysis.compatible import judge
from turnout.analysis.compatible.zeroin import find_zero
from turnout.model.canary.configuration import ScoreThresholds
from turnout.model.canary.document import read_document, write_document
from turnout.model.canary.request import JudgeRequest

METRICS = 20
"""In one request."""

SLOWEST = {180: 2.7, 1440: 22.7}
"""Milliseconds that Kayenta's judge takes for a metric on one core, by samples per side: 370 and 44
metrics a second, measured elsewhere."""

WANTED = 3
"""So many times as many metrics are wanted."""

TURNS = 4
"""So often each judge judges one request. The best counts: the first is cold, and other work on the
machine only ever makes it slower.
"""

OFTENER = 10
"""Our judge is done within some milliseconds, less than another process may be in the way."""


@dataclass(frozen=True, slots=True)
class Score:
    """Milliseconds of CPU time for each metric: the mean of all requests, each in its best turn."""

    samples: str
    points: int
    ours: float
    plain: float


async def measure(size: Size) -> Outcome:
    """Whole judgements, JSON in and out, in turns with a plain implementation."""
    scores = []
    for points in SLOWEST:
        for name, draw in DRAWS.items():
            scores.append(_score(name, points, draw, size.count))
            say(f"{name}, {points} per side: {scores[-1].ours:.2f} ms a metric")
    return _build_outcome(scores)


def _score(
    name: str, points: int, draw: Callable[[np.random.Generator, int], np.ndarray], requests: int
) -> Score:
    chance = np.random.default_rng(points)
    times = [_time_request(_request(chance, points, draw)) for _ in range(requests)]
    ours, plain = (1000 * fmean(seconds) / METRICS for seconds in zip(*times, strict=True))
    return Score(name, points, ours, plain)


def _time_request(request: bytes) -> tuple[float, float]:
    """Seconds of CPU time, of all threads, for our judge and for the plain one."""
    ours, plain = math.inf, math.inf
    for _ in range(TURNS):
        for _ in range(OFTENER):
            began = time.process_time()
            found = _judge(request)
            ours = min(ours, time.process_time() - began)
        began = time.process_time()
        expected = _judge_plainly(request)
        plain = min(plain, time.process_time() - began)
        kinds = [one["classification"] for one in json.loads(found)["results"]]
        assert kinds == json.loads(expected), "the two judges disagree"
    return ours, plain


DRAWS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "latencies": lambda chance, n: chance.lognormal(4, 0.3, n),
    "latencies, two decimals": lambda chance, n: np.round(chance.lognormal(4, 0.3, n), 2),
    "counts": lambda chance, n: chance.poisson(20, n).astype(float),
}


def _request(
    chance: np.random.Generator,
    points: int,
    draw: Callable[[np.random.Generator, int], np.ndarray],
) -> bytes:
    names = [f"m{number}" for number in range(METRICS)]
    pairs = []
    for number, name in enumerate(names):
        experiment = draw(chance, points) * (1 + 0.2 * (number % 2))
        values = {"control": draw(chance, points).tolist(), "experiment": experiment.tolist()}
        pairs.append({"name": name, "id": name, "tags": {}, "values": values})
    metrics = [{"name": name, "groups": ["all"]} for name in names]
    document = {
        "canaryConfig": {"name": "benchmark", "metrics": metrics},
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": pairs,
    }
    return json.dumps(document).encode()


def _judge(text: bytes) -> bytes:
    request = read_document(JudgeRequest, text)
    thresholds: ScoreThresholds = request.score_thresholds
    return write_document(judge(request.canary_config, request.metric_set_pair_list, thresholds))


# The same rules without any thought of speed: every shift is ranked anew.


def _judge_plainly(text: bytes) -> bytes:
    pairs = json.loads(text)["metricSetPairList"]
    return json.dumps([_classify_plainly(pair["values"]) for pair in pairs]).encode()


def _classify_plainly(values: dict[str, list[float]]) -> str:
    x, y = np.array(values["experiment"]), np.array(values["control"])
    lower, upper, estimate = (_root(x, y, q) for q in (-Z, Z, 0.0))
    width, ratio = 0.25 * abs(estimate), x.mean() / y.mean()
    if lower > width and ratio >= 1:
        return "High"
    return "Low" if upper < -width and ratio <= 1 else "Pass"


Z = float(norm.ppf(0.01))


def _root(x: np.ndarray, y: np.ndarray, quantile: float) -> float:
    low, high = float(x.min() - y.max()), float(x.max() - y.min())
    return find_zero(lambda shift: _statistic(x, y, shift) - quantile, low, high)


def _statistic(x: np.ndarray, y: np.ndarray, shift: float) -> float:
    m, n = len(x), len(y)
    ranks = rankdata(np.concatenate((x - shift, y)))
    _, sizes = np.unique(ranks, return_counts=True)
    ties = float((sizes.astype(float) ** 3 - sizes).sum())
    above = float(ranks[:m].sum()) - m * (m + 1) / 2 - m * n / 2
    variance = m * n / 12 * (m + n + 1 - ties / ((m + n) * (m + n - 1)))
    return (above - math.copysign(0.5, above) * (above != 0)) / math.sqrt(variance)


def _build_outcome(scores: list[Score]) -> Outcome:
    rows = tuple(
        (
            f"{s.samples}, {s.points} per side",
            1000 / s.ours,
            SLOWEST[s.points] / s.ours,
            1000 / s.plain,
            s.plain / s.ours,
        )
        for s in scores
    )
    columns = ("", "ours a second", "times Kayenta", "plain a second", "times plain")
    slowest = {points: max(s.ours for s in scores if s.points == points) for points in SLOWEST}
    return Outcome(
        about=(
            f"Requests of {METRICS} metrics, read from JSON, judged by the compatible judge, and"
            " written as JSON, in CPU time of one core; half of the metrics are 20 per cent higher"
            f" in the canary. Our judge gets {TURNS * OFTENER} turns for each request, the plain"
            f" one {TURNS}, and the best time counts. The"
            " plain judge ranks all samples anew at each shift (scipy) and has little of the JSON"
            " to do. Both classify alike, or the benchmark stops. The goal is"
            f" {WANTED} times as many metrics as Kayenta judges; the slowest kind counts."
        ),
        tables=(Table("Metrics judged", columns, rows),),
        goals=tuple(
            below(f"A metric of {points} samples per side", slowest[points], limit / WANTED, "ms")
            for points, limit in SLOWEST.items()
        ),
        figures={"scores": [asdict(score) for score in scores]},
    )


if __name__ == "__main__":
    run(measure, name="canary_judge", counted="requests of each kind", count=2, quick=1)
