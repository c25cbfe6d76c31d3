"""A process that writes to a journal and says so: `python -m tests.integration.store.writer URL
NAME COUNT`.

Prints `ready`, waits for a line, then prints one line per event once that is recorded.
"""

from __future__ import annotations

import asyncio
import itertools
import sys

from tests.contract.records import a_deployment, a_step, an_event
from turnout.model.deployment import Status
from turnout.store.sql import SqlStore


async def write(url: str, name: str, count: int) -> None:
    """Record deployments, steps and events; `count` 0 = until somebody ends this process."""
    async with SqlStore(url) as store:
        await store.observe_hold("connect")
        _say("ready")
        sys.stdin.readline()
        for number in itertools.count() if count == 0 else range(count):
            deployment = f"{name}-{number}"
            await store.record_deployment(a_deployment(deployment, cluster=name))
            await store.record_step(a_step(deployment))
            await store.record_deployment(
                a_deployment(deployment, cluster=name, status=Status.SUCCEEDED)
            )
            event = await store.record_event(an_event(name, deployment, number=number))
            _say(f"{event.sequence} {deployment}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
