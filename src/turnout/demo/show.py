"""The show itself: a load, and six versions one after the other."""

from __future__ import annotations

import asyncio

from turnout.api.views import DeploymentView
from turnout.demo.acts import CLUSTER, Act, Pace
from turnout.demo.api import Api
from turnout.demo.errors import DemoFailed
from turnout.demo.outcome import Result, build_result
from turnout.demo.stage import Stage, describe_load
from turnout.demo.watching import CanaryWatch
from turnout.model.deployment import Status
from turnout.testing.load import Load

RATE = 200
"""Requests a second."""

_LOOK_EVERY = 0.1
_ENDS_WITHIN = 180.0


async def play(stage: Stage, acts: tuple[Act, ...], pace: Pace) -> Result:
    """Deploy all versions, all but the first one under load. Raises `DemoFailed`."""
    first, *others = acts
    async with Api(stage.server.url) as api:
        played = [(first, await _deploy(stage, api, first))]
        record = played[0][1].record
        if record.status is not Status.SUCCEEDED:
            raise DemoFailed(f"Version {first.version} could not be deployed: {record.sentence}")
        async with Load(stage.url, rate=RATE, strict=True) as load:
            stage.load = load
            stage.screen.say("load", f"{RATE} requests a second to {stage.url} from now")
            await _look_on(stage, load, pace)
            for act in others:
                played.append((act, await _deploy(stage, api, act)))
                await _look_on(stage, load, pace)
            report = await load.stop()
        return build_result(played, await api.cluster(CLUSTER), report)


async def _deploy(stage: Stage, api: Api, act: Act) -> DeploymentView:
    """Deploy one version and tell its story until it ends."""
    stage.screen.headline(act.headline)
    stage.workspace.service_file.write_text(act.text)
    record = await api.deploy(act.text, str(stage.workspace.shop), key=f"demo-{act.version}")
    watch = CanaryWatch(stage, api)
    try:
        async with asyncio.timeout(_ENDS_WITHIN):
            while True:
                view = await api.deployment(record.id)
                await watch.look(view)
                stage.tell(view)
                if view.record.status.is_end:
                    return view
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        raise DemoFailed(
            f"Version {act.version} has not ended within {_ENDS_WITHIN:.0f} s."
        ) from None
    finally:
        watch.close()


async def _look_on(stage: Stage, load: Load, pace: Pace) -> None:
    await asyncio.sleep(pace.calm)
    stage.screen.say("load", f"so far {describe_load(load.report())}")
