"""How soon a bad canary is found and its users are back, and how often a good one is blamed."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from benchmarks.frame import Size, run, say
from benchmarks.outcome import Outcome, Table, below, none_of, spread
from benchmarks.stage import running_plant, succeeded
from tests.e2e.api import Api
from tests.e2e.services import Shop
from turnout.canary.evidence import Columns, Slice
from turnout.canary.opinions import Answer, SequentialJudge
from turnout.canary.subjects import subjects_of
from turnout.documents.canary import default_config
from turnout.model.deployment import Status
from turnout.testing.load import LoadProcess

RATE = 200.0
"""Requests a second; baseline and canary get a tenth each."""

USUAL, BROKEN = "0.001", "0.05"
RIG = {"traffic": "10%", "warmup": "1s", "interval": "1s", "duration": "5m"}
WINDOW = 15
"""Seconds of real samples for one canary that is judged afterwards."""

RESAMPLED = 200
LONG = 60
"""Seconds of a canary that is put together from real seconds."""

SEED = 20261123
Samples = dict[str, tuple[Columns, Columns]]
"""Columns of canary and baseline per metric, second by second."""


@dataclass(frozen=True, slots=True)
class Caught:
    """One bad canary, in seconds and requests."""

    detection: float
    """From the first judged second to the verdict."""
    back: float
    """From the verdict to the confirmed split."""
    harmed: int


async def measure(size: Size) -> Outcome:
    """Bad canaries for real; good ones for real in one long run, judged in windows; and both again,
    put together from real seconds."""
    shop = Shop("shop")
    async with running_plant() as (_, api):
        first = shop.write("1", environment={"ERROR_RATE": USUAL})
        await succeeded(api, await api.deploy(first))
        async with LoadProcess(shop.url, rate=RATE, strict=True) as load:
            caught = []
            for number in range(size.count):
                caught.append(await _catch(api, shop, f"2.{number}"))
                one = caught[-1]
                say(
                    f"bad canary {number + 1} of {size.count}: found after {one.detection:.1f} s, "
                    f"back {1000 * one.back:.0f} ms later, {one.harmed} requests failed"
                )
            samples = await _watch_a_good_one(api, shop, seconds=size.count * WINDOW)
            report = await load.stop()
    windows = _windows(samples)
    blamed = sum(_judge(window) is not None for window in windows)
    chance = random.Random(SEED)
    again = [_resample(samples, chance) for _ in range(RESAMPLED)]
    blamed_again = sum(_judge(one) is not None for one in again)
    found_again = [_judge(_broken(one, chance)) for one in again]
    seconds = [float(at) for at in found_again if at is not None]
    return _outcome(
        caught, len(windows), blamed, blamed_again, seconds, report.failed - _harmed(caught)
    )


def _outcome(
    caught: Sequence[Caught],
    windows: int,
    blamed: int,
    blamed_again: int,
    seconds: Sequence[float],
    others: int,
) -> Outcome:
    detection = spread(one.detection for one in caught)
    back = spread(1000 * one.back for one in caught)
    harmed = spread(float(one.harmed) for one in caught)
    again = spread(seconds)
    rows = (
        ("seconds to the verdict", detection["p50"], detection["p99"], detection["max"]),
        ("ms from the verdict to the confirmed split", back["p50"], back["p99"], back["max"]),
        ("requests failed by the canary", harmed["p50"], harmed["p99"], harmed["max"]),
        ("seconds to the verdict, put together", again["p50"], again["p99"], again["max"]),
    )
    return Outcome(
        about=(
            f"{len(caught)} canaries of a service that answers {RATE:g} requests a second, a tenth "
            "of them by the baseline and a tenth by the canary, which fails 5 % instead of 0.1 %. "
            f"Then one good canary, whose real seconds make {windows} canaries of {WINDOW} s; and "
            f"{RESAMPLED} good and {RESAMPLED} bad ones of {LONG} s, put together from these "
            "seconds at random. Judged by the configuration that is built in, every second, at "
            "1 % false alarms."
        ),
        tables=(Table("Bad canaries", ("", "median", "p99", "worst"), rows),),
        goals=(
            below("Bad canary, time to the verdict, median", detection["p50"], 20.0, "s"),
            below("Verdict to confirmed split, median", back["p50"], 200.0, "ms"),
            none_of(f"Good canaries blamed of {windows} real ones of {WINDOW} s", blamed),
            below(
                f"Good canaries blamed, of {RESAMPLED} put together",
                100 * blamed_again / RESAMPLED,
                1.01,
                "%",
            ),
            none_of(f"Bad canaries not found within {LONG} s", RESAMPLED - len(seconds)),
        ),
        figures={
            "detection_s": detection,
            "back_ms": back,
            "harmed": harmed,
            "found_again_s": again,
            "false_alarms": {"real": blamed, "put_together": blamed_again},
            "failed_elsewhere": others,
        },
    )


def _harmed(caught: Sequence[Caught]) -> int:
    return sum(one.harmed for one in caught)


async def _catch(api: Api, shop: Shop, version: str) -> Caught:
    text = shop.write(version, "canary", environment={"ERROR_RATE": BROKEN}, options=RIG)
    ended = await api.await_end((await api.deploy(text)).id, within=320)
    if ended.status is not Status.ROLLED_BACK:
        raise RuntimeError(f"{ended.status}: {ended.sentence} {ended.cause}")
    begun = next(s.started_at for s in (await api.deployment(ended.id)).steps if s.op == "analyse")
    if ended.detected_at is None or ended.returned_at is None:
        raise RuntimeError(f"no times: {ended}")
    return Caught(
        (ended.detected_at - begun).total_seconds(),
        (ended.returned_at - ended.detected_at).total_seconds(),
        ended.failed_requests or 0,
    )


async def _watch_a_good_one(api: Api, shop: Shop, seconds: int) -> Samples:
    """The samples of a canary that nobody decides about for so long."""
    options = {**RIG, "analysis": "manual", "duration": f"{seconds}s"}
    text = shop.write("3", "canary", environment={"ERROR_RATE": USUAL}, options=options)
    record = await api.deploy(text)
    analysis = f"{record.id}.analyse-100"
    say(f"a good canary for {seconds} s")
    while True:
        samples = await _read(api, analysis)
        if samples and min(len(arm[0]) for arm, _ in samples.values()) >= seconds:
            break
    await api.cancel(record.id)
    await api.await_end(record.id)
    return _part(samples, range(seconds))


async def _read(api: Api, analysis: str) -> Samples:
    await asyncio.sleep(5)
    try:
        found = json.loads(await api.ask("GET", f"/canaries/{analysis}/samples"))
    except Exception as error:  # it has not begun
        say(f"  {error}")
        return {}
    return {
        one["metric"]: (_columns(one["canary"]), _columns(one["baseline"]))
        for one in found
        if one["step"] == 1
    }


def _columns(told: Sequence[Sequence[float | None]]) -> Columns:
    """What nobody saw has nothing in it."""
    return tuple(tuple(value or 0.0 for value in column) for column in told)


def _windows(samples: Samples) -> list[Samples]:
    length = len(samples["errors"][0][0])
    return [
        _part(samples, range(begin, begin + WINDOW))
        for begin in range(0, length - WINDOW + 1, WINDOW)
    ]


def _resample(samples: Samples, chance: random.Random) -> Samples:
    """Seconds at random; the arms change places at random, so that neither is better."""
    length = len(samples["errors"][0][0])
    drawn = _part(samples, [chance.randrange(length) for _ in range(LONG)])
    if chance.random() < 0.5:
        return {name: (baseline, canary) for name, (canary, baseline) in drawn.items()}
    return drawn


def _part(samples: Samples, seconds: Sequence[int]) -> Samples:
    def pick(columns: Columns) -> Columns:
        return tuple(tuple(column[n] for n in seconds) for column in columns)

    return {name: (pick(ours), pick(theirs)) for name, (ours, theirs) in samples.items()}


def _broken(samples: Samples, chance: random.Random) -> Samples:
    """The same with a canary that fails one request in twenty."""
    (_, requests), baseline = samples["errors"]
    failed = tuple(
        float(sum(chance.random() < float(BROKEN) for _ in range(int(n)))) for n in requests
    )
    return {**samples, "errors": ((failed, requests), baseline)}


def _judge(samples: Samples) -> int | None:
    """After how many seconds the judge fails this canary; None when it does not."""
    length = len(samples["errors"][0][0])
    duration = timedelta(seconds=length)
    names = len(samples["latency"][0]) - 1
    history = {"latency": {"thresholds_ms": [10.0 * (n + 1) for n in range(names)]}}
    config = default_config()
    subjects = [s for s in subjects_of(config, duration, history) if s.name in samples]
    judge = SequentialJudge(config, subjects, duration=duration, expected_share=0.5)
    for second in range(length):
        part = _part(samples, range(second, second + 1))
        judge.take(
            [
                Slice(metric=name, first=second, canary=ours, baseline=theirs)
                for name, (ours, theirs) in part.items()
            ]
        )
        if judge.say(is_end=second == length - 1).answer is Answer.FAIL:
            return second + 1
    return None


if __name__ == "__main__":
    run(measure, name="canary_detection", counted="bad canaries", count=20, quick=3)
