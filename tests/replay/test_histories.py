from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay.record import HISTORIES, SCENARIOS
from turnout.engine.client import workflow_id
from turnout.engine.worker import build_runner
from turnout.engine.workflows.cluster import ClusterWorkflow

RECORDED = sorted(HISTORIES.glob("*.json"))


async def replay(text: str) -> None:
    replayer = Replayer(
        workflows=[ClusterWorkflow],
        workflow_runner=build_runner(),
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(workflow_id("shop"), text))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda file: file.stem)
async def test_what_was_written_before_still_replays(recorded: Path) -> None:
    await replay(recorded.read_text())


def test_every_scenario_is_recorded() -> None:
    assert {file.stem for file in RECORDED} >= set(SCENARIOS)


@pytest.mark.parametrize(("name", "other"), [("perform", "record"), ("finish", "perform")])
async def test_a_workflow_that_decides_otherwise_is_noticed(name: str, other: str) -> None:
    """A test of the test: the same history, as if the code had asked for another activity."""
    history = json.dumps(json.loads((HISTORIES / "blue_green.json").read_text()))
    changed = history.replace(f'"name": "{name}"', f'"name": "{other}"')
    assert changed != history
    with pytest.raises(NondeterminismError):
        await replay(changed)
