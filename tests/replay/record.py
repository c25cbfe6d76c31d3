"""Records histories for the replay tests: `python -m tests.replay.record`.

To be run before a release, for it only: what a released version has written must replay for ever.
A change of a workflow that breaks the replay of a released history needs a patch marker
(`workflow.patched`), not a new recording.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from tests.engine.house import Gate, House, skipping_server
from tests.engine.wishes import PAUSING, REQUESTS, deploy, fail_at
from tests.properties import worlds
from turnout.engine.client import Engine
from turnout.engine.operations import OperationContext
from turnout.model.analysis import AnalysisMode, AnalysisVerdict
from turnout.model.deployment import Choice, Kind, OnBusy, Status, StrategyName
from turnout.model.errors import Temporary
from turnout.model.plan import Analyse, Operation

HISTORIES = Path(__file__).with_name("histories")


async def blue_green(home: House, engine: Engine) -> None:
    await home.run(engine, REQUESTS[StrategyName.BLUE_GREEN])


async def rolling_blue_green_taken_back(home: House, engine: Engine) -> None:
    home.operations.before = fail_at("hold-500")
    await home.run(engine, REQUESTS[StrategyName.ROLLING_BLUE_GREEN])


async def cancelled_while_it_waits(home: House, engine: Engine) -> None:
    gate = Gate("ready")
    home.operations.before = gate
    await engine.submit(deploy("d-1"))
    await gate.wait()
    await engine.cancel("d-1", by="ana", reason="wrong version")
    await home.ended("d-1")


async def paused_and_answered(home: House, engine: Engine) -> None:
    home.operations.before = fail_at("ready")
    await engine.submit(PAUSING)
    await home.status("d-1", Status.PAUSED)
    home.operations.before = None
    await engine.answer("d-1", Choice.RETRY, by="ana")
    await home.ended("d-1")


async def queued_superseded_and_rejected(home: House, engine: Engine) -> None:
    gate = Gate("ready")
    home.operations.before = gate
    await engine.submit(deploy("d-1", "3"))
    await gate.wait()
    await engine.submit(deploy("d-2", "4"))
    await engine.submit(deploy("d-3", "5", on_busy=OnBusy.REJECTED))
    await engine.submit(deploy("d-4", "6", on_busy=OnBusy.SUPERSEDING))
    await home.ended("d-1")
    gate.opened.set()
    await home.ended("d-2")


async def rolled_back_by_a_person(home: House, engine: Engine) -> None:
    await home.run(engine, worlds.operation(Kind.ROLLBACK))


async def in_a_new_run(home: House, engine: Engine) -> None:
    home.operations.before = fail_at("back-destroy-shop-v003")
    request = worlds.deploy(StrategyName.BLUE_GREEN, before_traffic=(worlds.CHECK,))
    gate = Gate("checks")
    home.operations.after = fail_at("checks")
    await engine.submit(request)
    await home.become("d-1", lambda record: "attempt 1 failed" in record.sentence)
    home.operations.before = gate
    await home.ended("d-1")


async def canary_promoted(home: House, engine: Engine) -> None:
    home.analyst.verdicts = (AnalysisVerdict.RUNNING, AnalysisVerdict.PASS)
    await home.run(engine, REQUESTS[StrategyName.CANARY])


async def canary_taken_back(home: House, engine: Engine) -> None:
    home.analyst.verdicts = (AnalysisVerdict.RUNNING, AnalysisVerdict.FAIL)
    await home.run(engine, REQUESTS[StrategyName.CANARY])


async def canary_answered_by_a_person(home: House, engine: Engine) -> None:
    home.analyst.verdicts = (AnalysisVerdict.RUNNING, AnalysisVerdict.ASKING, AnalysisVerdict.PASS)
    await home.run(engine, worlds.deploy(StrategyName.CANARY, analysis=AnalysisMode.MANUAL))


async def canary_whose_analysis_is_attempted_again(home: House, engine: Engine) -> None:
    """As after the end of the server that was at it: another attempt goes on."""
    attempts = 0

    async def lose_once(operation: Operation, _: OperationContext) -> None:
        nonlocal attempts
        if isinstance(operation, Analyse):
            attempts += 1
            if attempts == 1:
                raise Temporary("the server has ended")

    home.operations.before = lose_once
    await home.run(engine, REQUESTS[StrategyName.CANARY])
    assert attempts == 2, attempts


SCENARIOS: dict[str, tuple[Callable[[House, Engine], Awaitable[None]], int]] = {
    blue_green.__name__: (blue_green, 0),
    rolling_blue_green_taken_back.__name__: (rolling_blue_green_taken_back, 0),
    cancelled_while_it_waits.__name__: (cancelled_while_it_waits, 0),
    paused_and_answered.__name__: (paused_and_answered, 0),
    queued_superseded_and_rejected.__name__: (queued_superseded_and_rejected, 0),
    rolled_back_by_a_person.__name__: (rolled_back_by_a_person, 0),
    in_a_new_run.__name__: (in_a_new_run, 30),
    canary_promoted.__name__: (canary_promoted, 0),
    canary_taken_back.__name__: (canary_taken_back, 0),
    canary_answered_by_a_person.__name__: (canary_answered_by_a_person, 0),
    canary_whose_analysis_is_attempted_again.__name__: (
        canary_whose_analysis_is_attempted_again,
        0,
    ),
}
"""What is recorded, and after how many events a new run begins."""


async def record(name: str) -> None:
    """Play a scenario and keep the history of its last run."""
    play, limit = SCENARIOS[name]
    async with skipping_server() as temporal:
        home = House(temporal.client, worlds.running(), history_limit=limit)
        async with home.working() as engine:
            await play(home, engine)
            await home.idle(engine)
            history = await engine.handle("shop").fetch_history()
    kept = json.dumps(json.loads(history.to_json()), sort_keys=True, separators=(",", ":"))
    (HISTORIES / f"{name}.json").write_text(kept + "\n")


async def main() -> None:
    """Record all scenarios, or the named ones."""
    HISTORIES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCENARIOS:
        async with asyncio.timeout(timedelta(minutes=1).total_seconds()):
            await record(name)


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)  # a process that has just used Temporal's client may crash at its end
