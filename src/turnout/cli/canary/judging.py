"""`turnout canary judge`: samples in files, judged."""

from __future__ import annotations

import json
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
    document = _read(call, config)
    if judge_name:
        named = document.get("judge") or {}
        document = {**document, "judge": {**named, "name": _NAMES[judge_name]}}
    body = {
        "canaryConfig": document,
        "scoreThresholds": {"pass": pass_, "marginal": marginal},
        "metricSetPairList": _read(call, pairs),
    }
    with call.connect() as client, naming(config):
        result = client.judge(body)
    if call.is_json:
        call.say_json(result)
    else:
        from turnout.cli.answers import read_answer
        from turnout.cli.views.judged import judged_view
        from turnout.model.canary.result import JudgeResult

        call.say(judged_view(read_answer(JudgeResult, result)))
    passed = result["score"]["classification"] == "Pass"
    return Exit.SUCCESS if passed else Exit.ROLLED_BACK


def _read(call: Invocation, file: str) -> Any:
    text, name = read_text(call, file, wanted="Name a file: JSON in UTF-8.")
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(
            f"{name} is not JSON: {error}.", "Name a file: JSON in UTF-8.", Exit.USAGE, code="usage"
        ) from error
