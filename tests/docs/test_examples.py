import asyncio
import os
from pathlib import Path

import httpx2
import pytest

from tests.ports import choose_port
from turnout.canary.subjects import subjects_of, too_short_for
from turnout.documents.canary import read_canary_config
from turnout.documents.service import read_service
from turnout.model.canary.options import Kind
from turnout.model.deployment import Service
from turnout.model.servers import HttpProbe
from turnout.providers.local.command import build_launch, build_variables

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*/service.yaml"))


def read(file: Path) -> Service:
    return read_service(file.read_text(encoding="utf-8"), folder=file.parent, name=str(file))


async def await_answer(url: str, process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(60), httpx2.AsyncClient(trust_env=False) as client:
        while process.returncode is None:
            try:
                return (await client.get(url)).status_code
            except httpx2.ConnectError:
                await asyncio.sleep(0.05)
    raise AssertionError(f"the example ended with {process.returncode}")


def test_there_are_examples() -> None:
    assert {file.parent.name for file in FILES} >= {"shop", "minimal", "canary"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
async def test_an_example_runs_and_answers_its_probe(file: Path) -> None:
    service = read(file)
    probe = service.settings.probe.request
    assert isinstance(probe, HttpProbe)
    port = choose_port()
    variables = build_variables(service.cluster, f"{service.cluster}-v000", "1", "i-1", port)
    launch = build_launch(service.settings, variables, os.environ)
    process = await asyncio.create_subprocess_exec(
        *launch.command,
        env=launch.environment,
        cwd=launch.folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        status = await await_answer(f"http://127.0.0.1:{port}{probe.path}", process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert probe.status_from <= status <= probe.status_to


def test_the_smallest_service_file_has_ten_lines_at_most() -> None:
    assert len((EXAMPLES / "minimal" / "service.yaml").read_text().splitlines()) <= 10


def test_the_canary_of_the_examples_is_judged_by_the_configuration_beside_it() -> None:
    analysis = read(EXAMPLES / "canary" / "service.yaml").options.analysis_settings
    text = (EXAMPLES / "canary" / "canary.yaml").read_text(encoding="utf-8")
    document = read_canary_config(text, name="canary.yaml")
    assert document.warnings == ()
    assert document.config.name == analysis.config
    subjects = subjects_of(document.config, analysis.duration)
    assert {s.kind for s in subjects} == {Kind.PROPORTION, Kind.LATENCY, Kind.GAUGE}
    assert [s.name for s in too_short_for(subjects, analysis.duration)] == ["memory", "cpu"]
