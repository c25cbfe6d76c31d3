"""docs/metrics.md: its accounts are read, its queries become what it says, every key is there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from turnout.metrics import Account, open_sources, read_accounts
from turnout.metrics.accounts import TYPES, known_keys
from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.testing.world import MemoryClock, World

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```json\n(.*?)^```\n\n```text\n(.*?)^```", PAGE, re.M | re.S)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Account, ...]:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    for name in re.findall(r"environment: (\w+)", block):
        monkeypatch.setenv(name, "secret")
    (tmp_path / "token").write_text("secret")
    path = tmp_path / "metrics.yaml"
    path.write_text(block.replace("/etc/turnout/prometheus-token", str(tmp_path / "token")))
    return read_accounts(path)


def test_the_accounts_are_one_of_each_type_and_two_of_one(accounts: tuple[Account, ...]) -> None:
    assert sorted(account.type for account in accounts) == sorted([*TYPES, "prometheus"])


@pytest.mark.parametrize(("json", "text"), EXAMPLES)
async def test_a_query_becomes_what_the_page_says(
    accounts: tuple[Account, ...], json: str, text: str
) -> None:
    read: TypeAdapter[Query] = TypeAdapter(Query)
    query = read.validate_json(json)
    scope = CanaryScope(
        scope="server_group:shop-v002" if query.type == "influxdb" else "shop-v002",
        location="eu-west-1",
        start=START,
        end=START + timedelta(hours=1),
        step=60,
    )
    async with open_sources(accounts, MemoryClock(World())) as sources:
        assert sources.describe(query, scope, {}) == text.strip()


def test_every_type_has_an_example() -> None:
    assert {re.search(r'"type": "(\w+)"', json)[1] for json, _ in EXAMPLES} == set(TYPES)  # type: ignore[index]


def test_every_key_of_an_account_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+) \|", PAGE.partition("## Queries")[0], re.M)
    documented = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert documented == known_keys()
