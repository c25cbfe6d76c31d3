"""`turnout canary judge`: samples in files, judged."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from typing import Annotated, Any

import typer

from turnout.cli import options
from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.files import read_text
from turnout.cli.invocation import Invocation
from turnout.cli.problems import naming

PANEL = "Canaries"


class JudgeName(StrEnum):
    """Which judge, without its import."""

    COMPATIBLE = "compatible"
    SEQUENTIAL = "sequential"


_NAMES = {
    JudgeName.COMPATIBLE: "NetflixACAJudge-v1.0",
    JudgeName.SEQUENTIAL: "turnout-sequential",
}


def register(group: typer.Typer) -> None:
    """Add the command."""
    options.command(group, "judge", panel=PANEL)(judge)


def judge(
    call: Invocation,
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A canary configuration, as JSON.")
    ],
    pairs: Annotated[str, typer.Argument(metavar="PAIRS", help="A metricSetPairList, as JSON.")],
    *,
    pass_: Annotated[
        float, typer.Option("--pass", metavar="SCORE", help="The score that passes.")
    ] = 95,
    marginal: Annotated[
        float, typer.Option("--marginal", metavar="SCORE", help="The score that is marginal.")
    ] = 75,
    judge_name: Annotated[
        JudgeName | None,
        typer.Option(
            "--judge", help="This judge. [default: the one of CONFIG]", show_default=False
        ),
    ] = None,
) -> int:
    """Judge samples from files: Kayenta's documents in, its result out.

    Ends with 0 for a pass, else with 1.

    Example: turnout canary judge config.json pairs.json --judge sequential
    """
    _check_thresholds(pass_, marginal)
    document, config_name = _read(call, config)
    samples, pairs_name = _read(call, pairs)
    if judge_name and isinstance(document, dict):
        named = _mapping(document.get("judge"))
        document = {**document, "judge": {**named, "name": _NAMES[judge_name]}}
    missing = _without_pair(document, samples)
    if missing and _judge_of(document) == _NAMES[JudgeName.COMPATIBLE]:
        samples = [*samples, *map(_empty_pair, missing)]  # as Kayenta, when it has fetched nothing
    body = {
        "canaryConfig": document,
        "scoreThresholds": {"pass": pass_, "marginal": marginal},
        "metricSetPairList": samples,
    }
    parts = {"canaryConfig": config_name, "metricSetPairList": pairs_name}
    with call.connect() as client, naming(config_name, **parts):
        result = client.judge(body)
    if missing:
        from turnout.cli.views.words import clean

        note = f"{pairs_name} has no pair of {', '.join(missing)}: judged as without samples."
        call.error_console().print(clean(note), soft_wrap=True)
    if call.is_json:
        call.say_json(result)
    else:
        from turnout.cli.answers import read_answer
        from turnout.cli.views.judged import judged_view
        from turnout.model.canary.result import JudgeResult

        call.say(judged_view(read_answer(JudgeResult, result)))
    passed = result["score"]["classification"] == "Pass"
    return Exit.SUCCESS if passed else Exit.ROLLED_BACK


def _check_thresholds(pass_: float, marginal: float) -> None:
    for option, score in (("--pass", pass_), ("--marginal", marginal)):
        if not 0 <= score <= 100:
            raise _wrong_score(f"{option}: {score:g} is no score: it is from 0 to 100")
    if marginal > pass_:
        raise _wrong_score(f"--marginal: {marginal:g} is more than --pass, {pass_:g}")


def _wrong_score(why: str) -> CommandError:
    return CommandError(f"{why}.", "For example: --pass 95 --marginal 75", Exit.USAGE, code="usage")


def _judge_of(config: Any) -> str:
    """As the server finds it; what is no judge is refused there."""
    from turnout.model.canary.configuration import COMPATIBLE_JUDGE, REMOTE_JUDGE

    choice = _mapping(_mapping(config).get("judge"))
    name = choice.get("name") or COMPATIBLE_JUDGE
    if name == REMOTE_JUDGE:
        name = _mapping(choice.get("judgeConfigurations")).get("judge") or COMPATIBLE_JUDGE
    return str(name)


def _without_pair(config: Any, pairs: Any) -> list[str]:
    """Metrics of which there are no samples. What has another shape is refused by the server."""
    metrics = _mapping(config).get("metrics")
    if not isinstance(metrics, list) or not isinstance(pairs, list):
        return []
    there = [_mapping(pair).get("name") for pair in pairs]
    names = [_mapping(metric).get("name") for metric in metrics]
    texts = dict.fromkeys(name for name in names if isinstance(name, str))
    return [name for name in texts if name not in there]


def _empty_pair(name: str) -> dict[str, Any]:
    return {"name": name, "id": name, "values": {"control": [], "experiment": []}}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _read(call: Invocation, file: str) -> tuple[Any, str]:
    """What it holds, and what messages call it."""
    text, name = read_text(call, file, wanted="Name a file: JSON in UTF-8.")
    try:
        return json.loads(text, parse_float=_figure, parse_constant=str), name
    except (ValueError, RecursionError) as error:
        raise CommandError(
            f"{name} is not JSON: {error}.", "Name a file: JSON in UTF-8.", Exit.USAGE, code="usage"
        ) from error


def _figure(text: str) -> float | str:
    """What is not finite is a text in JSON."""
    value = float(text)
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
