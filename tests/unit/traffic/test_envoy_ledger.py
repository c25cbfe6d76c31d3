from __future__ import annotations

import errno
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.traffic.facts import endpoint, fact
from turnout.model.errors import Temporary
from turnout.traffic.envoy.ledger import Ledger

SHOP = fact(shares={"shop-v001": 1000}, endpoints={"shop-v001": (endpoint("i-1", 4001),)})
WEB = fact("web")


def written(folder: Path) -> Ledger:
    ledger = Ledger(folder)
    ledger.read()
    ledger.write(SHOP)
    ledger.write(WEB)
    return ledger


def read_again(folder: Path) -> tuple[Ledger, frozenset[str]]:
    ledger = Ledger(folder)
    return ledger, ledger.read()


def test_facts_outlive_the_process(tmp_path: Path) -> None:
    written(tmp_path)
    ledger, broken = read_again(tmp_path)
    assert not broken
    assert ledger.get("shop") == SHOP
    assert {f.cluster for f in ledger} == {"shop", "web"}


def test_facts_are_for_their_owner_only(tmp_path: Path) -> None:
    written(tmp_path / "state")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "shop.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"checksum": "1", "fact": {"clus',
        b"\xff\xfe",
        b"[]",
        b'{"checksum": "0000000000000000", "fact": {"cluster": "shop"}}',
    ],
    ids=["empty", "half", "binary", "other", "checksum"],
)
def test_broken_file_is_put_aside_and_others_stay(tmp_path: Path, content: bytes) -> None:
    written(tmp_path)
    (tmp_path / "shop.json").write_bytes(content)
    ledger, broken = read_again(tmp_path)
    assert broken == {"shop"}
    assert ledger.get("shop") is None
    assert ledger.get("web") == WEB
    assert (tmp_path / "shop.json.broken-1").read_bytes() == content
    assert read_again(tmp_path)[1] == frozenset()


def test_changed_figure_breaks_the_checksum(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "shop.json"
    path.write_text(path.read_text().replace('"generation": 7', '"generation": 8'))
    assert read_again(tmp_path)[1] == {"shop"}


def test_file_of_another_cluster_is_broken(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "copy.json").write_bytes((tmp_path / "shop.json").read_bytes())
    assert read_again(tmp_path)[1] == {"copy"}


def test_every_broken_file_is_kept(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        (tmp_path / "shop.json").write_text("{")
        read_again(tmp_path)
        assert (tmp_path / f"shop.json.broken-{number}").exists()


def test_what_a_crash_left_half_written_is_removed(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "shop.json.new").write_text("{")
    ledger, broken = read_again(tmp_path)
    assert not broken
    assert ledger.get("shop") == SHOP
    assert not (tmp_path / "shop.json.new").exists()


@contextmanager
def no_room() -> Iterator[None]:
    """No file can become longer than 16 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_keeps_the_old_fact_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ledger = written(tmp_path)
    changed = fact(shares={"shop-v002": 1000})
    with no_room(), pytest.raises(Temporary, match=r"cannot write .*shop\.json.*nothing was") as at:
        ledger.write(changed)
    cause = at.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.errno == errno.EFBIG
    assert "Make room" in at.value.hint
    assert ledger.get("shop") == SHOP
    assert read_again(tmp_path)[0].get("shop") == SHOP
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shop.json", "web.json"]


def test_facts_as_they_would_be_do_not_change_those_that_are(tmp_path: Path) -> None:
    ledger = written(tmp_path)
    changed = fact(shares={"shop-v002": 1000})
    assert changed in ledger.having(changed)
    assert ledger.get("shop") == SHOP


def test_file_can_be_read_by_a_person(tmp_path: Path) -> None:
    written(tmp_path)
    content = json.loads((tmp_path / "shop.json").read_text())
    assert content["fact"]["split"]["shares"] == {"shop-v001": 1000}
