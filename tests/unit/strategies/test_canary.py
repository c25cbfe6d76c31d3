from __future__ import annotations

from datetime import timedelta

from tests.properties import worlds
from tests.unit.strategies.rendering import planned, state_of
from turnout.model.deployment import StrategyName
from turnout.strategies import plan_deployment

TEN_MINUTES = timedelta(minutes=10)


def request(**options):
    options.setdefault("warmup", timedelta(seconds=30))
    return worlds.deploy(StrategyName.CANARY, ready_deadline=TEN_MINUTES, **options)


if __name__ == "__main__":
    print(planned(request(), worlds.running()))
    print(
        planned(
            request(
                canary_steps=(50, 200),
                canary_instances=2,
                warmup=timedelta(0),
                promote_with=StrategyName.ROLLING_BLUE_GREEN,
                steps=(500, 1000),
            ),
            worlds.shared_out(),
        )
    )
    print(planned(request(), worlds.empty()))
    print(plan_deployment(request(), state_of(worlds.running())).notes)
