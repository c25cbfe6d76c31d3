"""The program in docs/http-api.md, run against a real server."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys

from tests.e2e.api import Api
from tests.e2e.clusters import assert_at_rest, clear
from tests.e2e.plant import ROOT, Plant
from tests.e2e.services import Shop

PAGE = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")


async def test_the_documented_program_deploys_and_waits(plant: Plant, api: Api) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    shop = Shop("documented")
    file = plant.services / "service.yaml"
    file.write_text(shop.write("1"))
    told = program.replace("http://127.0.0.1:7600", plant.url)
    told = told.replace("hello/service.yaml", str(file))
    assert told != program
    try:
        for again in (False, True):  # the key makes it one deployment
            ran = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", told],
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout.startswith("succeeded "), (again, ran.stdout)
        records = await api.list_deployments(cluster=shop.application)
        assert [(r.id, r.request.by) for r in records] == [("build-1207", "nightly build")]
        await assert_at_rest(api, shop, "2")
    finally:
        file.unlink()
    await clear(plant, api, shop)
