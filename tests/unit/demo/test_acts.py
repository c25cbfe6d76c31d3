from datetime import timedelta
from pathlib import Path

import pytest

from turnout.demo.acts import CLUSTER, LEISURELY, QUICK, Act, Pace, build_acts, build_good_file
from turnout.demo.workspace import find_app, open_workspace
from turnout.documents.service import read_service
from turnout.model.deployment import Service, StrategyName


def read(text: str) -> Service:
    return read_service(text, folder=Path("/srv"), name="service.yaml")


def acts(pace: Pace) -> tuple[Act, ...]:
    return build_acts(pace, python="/opt/my python/bin/python3", port=8099)


@pytest.mark.parametrize("pace", [LEISURELY, QUICK], ids=["leisurely", "quick"])
def test_every_version_has_a_file_that_the_server_accepts(pace: Pace) -> None:
    services = [read(act.text) for act in acts(pace)]
    assert [s.settings.version for s in services] == ["1", "2", "3", "4", "5", "6"]
    assert {s.cluster for s in services} == {CLUSTER}
    assert {s.listener.port for s in services} == {8099}
    assert services[0].settings.run.command == ("/opt/my python/bin/python3", "app.py")
    assert services[2].strategy is StrategyName.ROLLING_BLUE_GREEN
    assert services[2].options.step_hold > timedelta(0)
    assert all(s.options.watch > timedelta(0) for s in services[1:4])


@pytest.mark.parametrize("pace", [LEISURELY, QUICK], ids=["leisurely", "quick"])
def test_both_canaries_have_a_tenth_of_the_users_and_two_instances(pace: Pace) -> None:
    canaries = [read(act.text) for act in acts(pace)][4:]
    assert {s.strategy for s in canaries} == {StrategyName.CANARY}
    assert {s.options.traffic for s in canaries} == {100}
    assert {s.options.canary_instances for s in canaries} == {2}
    assert canaries[0].options.analysis_settings.duration < timedelta(seconds=30)


def test_two_versions_fail_their_users() -> None:
    rates = [read(act.text).settings.run.environment["ERROR_RATE"] for act in acts(QUICK)]
    assert rates == ["0", "0", "0", "0.3", "0", "0.05"]
    assert [act.fails for act in acts(QUICK)] == [False, False, False, True, False, True]


def test_what_is_left_to_play_with_is_what_runs() -> None:
    good = read(build_good_file(LEISURELY, python="python3", port=8099))
    assert good.settings.version == "5"
    assert good.settings.run.environment["ERROR_RATE"] == "0"
    assert good.strategy is StrategyName.BLUE_GREEN


def test_the_workspace_has_the_shop_and_ends_with_the_demo() -> None:
    with open_workspace() as workspace:
        assert (workspace.shop / "app.py").read_bytes() == find_app().read_bytes()
        folder = workspace.folder
    assert not folder.exists()
