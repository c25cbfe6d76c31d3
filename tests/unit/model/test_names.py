from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.model.errors import Conflict, InvalidDocument
from turnout.model.names import (
    MAX_CLUSTER_LENGTH,
    ClusterName,
    format_group,
    next_group,
    parse_cluster,
    parse_group,
)

words = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)
details = st.from_regex(r"[a-z0-9]{1,5}(-[a-z0-9]{1,5}){0,3}", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (ClusterName("shop"), "shop"),
        (ClusterName("shop", "web"), "shop-web"),
        (ClusterName("shop", "web", "eu"), "shop-web-eu"),
        (ClusterName("shop", "web", "eu-1-a"), "shop-web-eu-1-a"),
        (ClusterName("shop", "", "eu"), "shop--eu"),
        (ClusterName("7"), "7"),
        (ClusterName("v001"), "v001"),
        (ClusterName("shop", "v01"), "shop-v01"),
    ],
)
def test_a_cluster_is_written_and_read(name: ClusterName, text: str) -> None:
    assert str(name) == text
    assert parse_cluster(text) == name


@pytest.mark.parametrize(
    "text",
    [
        *["", "-", "--", "-web", "Shop", "shop_web", "shop.web", "shop ", "shöp", "shop\n"],
        *["shop-", "shop--", "shop-web-", "shop---eu", "shop-web--eu", "shop--eu-", "shop--eu--a"],
        *["shop-v001", "shop-web-v999", "shop-web-eu-v000", "shop--v123", "shop-web-a-v001"],
    ],
)
def test_what_is_no_cluster_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument):
        parse_cluster(text)


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (("Shop", "", ""), "application"),
        (("", "", ""), "application"),
        (("a-b", "", ""), "application"),
        (("shop", "a-b", ""), "stack"),
        (("shop", "", "-a"), "detail"),
        (("shop", "web", "a--b"), "detail"),
        (("shop", "v001", ""), "stack"),
        (("shop", "web", "eu-v001"), "detail"),
        (("shop", "", "v001"), "detail"),
    ],
)
def test_the_part_that_is_wrong_is_named(parts: tuple[str, str, str], path: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        ClusterName(*parts)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_all_parts_that_are_wrong_are_named() -> None:
    with pytest.raises(InvalidDocument) as caught:
        ClusterName("Shop", "W", "E")
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["application", "stack", "detail"]


def test_the_longest_cluster_still_gives_a_group_name_that_is_a_dns_label() -> None:
    longest = str(ClusterName("a" * MAX_CLUSTER_LENGTH))
    assert len(format_group(longest, 999)) == 63
    with pytest.raises(InvalidDocument, match="not a cluster name"):
        ClusterName("a" * (MAX_CLUSTER_LENGTH + 1))


@given(words, words, st.none() | details, st.integers(0, 999))
def test_every_legal_name_is_read_back(
    application: str, stack: str, detail: str | None, number: int
) -> None:
    try:
        name = ClusterName(application, stack, detail or "")
    except InvalidDocument as error:
        assert "like a server group" in error.problems[0].message
        return
    assert parse_cluster(str(name)) == name
    assert parse_group(format_group(str(name), number)) == (str(name), number)


@pytest.mark.parametrize(
    "text", ["shop", "shop-v1", "shop-v0001", "v001", "-v001", "shop-v00x", ""]
)
def test_what_is_no_server_group_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument):
        parse_group(text)


@pytest.mark.parametrize("number", [-1, 1000])
def test_a_number_that_no_group_has_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 999"):
        format_group("shop", number)


@pytest.mark.parametrize(
    ("newest", "in_use", "name"),
    [
        (None, (), "shop-v000"),
        (None, ("shop-v000",), "shop-v001"),
        ("shop-v000", (), "shop-v001"),
        ("shop-v007", ("shop-v006", "shop-v007"), "shop-v008"),
        ("shop-v999", ("shop-v999",), "shop-v000"),
        ("shop-v999", ("shop-v000", "shop-v001", "shop-v999"), "shop-v002"),
        ("shop-v000", ("shop-v999", "shop-v000"), "shop-v001"),
        ("shop-v997", ("shop-v998", "shop-v999", "shop-v000"), "shop-v001"),
    ],
)
def test_numbers_go_on_from_the_newest_and_round(
    newest: str | None, in_use: tuple[str, ...], name: str
) -> None:
    assert next_group("shop", newest, in_use) == name


def test_the_last_free_number_is_found_and_then_there_is_none() -> None:
    in_use = {format_group("shop", number) for number in range(1000)}
    in_use.remove("shop-v500")
    assert next_group("shop", "shop-v500", in_use) == "shop-v500"
    with pytest.raises(Conflict, match="1000 server groups") as caught:
        next_group("shop", "shop-v500", {*in_use, "shop-v500"})
    assert "Destroy" in caught.value.hint


@settings(deadline=None)
@given(st.integers(0, 999), st.sets(st.integers(0, 999), max_size=30))
def test_the_next_group_is_never_one_in_use(newest: int, numbers: set[int]) -> None:
    in_use = {format_group("shop", number) for number in numbers}
    cluster, number = parse_group(next_group("shop", format_group("shop", newest), in_use))
    assert cluster == "shop"
    skipped = [(newest + 1 + n) % 1000 for n in range((number - newest - 1) % 1000)]
    assert number not in numbers
    assert set(skipped) <= numbers
