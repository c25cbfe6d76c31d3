"""Whose answer counts."""

from __future__ import annotations

import os
from datetime import timedelta

from tests.integration.local.stage import QUICK_PROBE, Stage, wait_until
from turnout import processes
from turnout.model.servers import InstanceState
from turnout.providers.local.prober import Prober
from turnout.providers.local.probes import Target


async def test_an_answer_on_the_port_of_a_process_that_ended_does_not_count(stage: Stage) -> None:
    """Between the end of a process and the news of it, somebody else may answer."""
    async with stage.provider() as provider:
        port = (await stage.run(provider)).instances[0].port
        other = processes.launch(
            stage.folder / "other",
            ["true"],
            environment={},
            cwd=stage.folder,
            log=stage.folder / "other" / "log",
        )
        await wait_until(lambda: not other.is_alive(), "it has ended")
        prober = Prober(
            QUICK_PROBE.model_copy(update={"timeout": timedelta(seconds=10)}),
            Target("127.0.0.1", port, dict(os.environ), str(stage.folder)),
            other,
            InstanceState.STARTING,
            is_new=True,
        )
        assert not await prober.ask()
        assert prober.health.state is InstanceState.STARTING
