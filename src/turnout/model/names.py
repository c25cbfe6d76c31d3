"""Names of clusters and server groups: parse, format, next.

A cluster is `app[-stack][-detail]`; an empty stack with a detail gives `app--detail`. A server
group is `<cluster>-v000` … `<cluster>-v999`, then round again.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from turnout.model.errors import Conflict, InvalidDocument, Problem

MAX_CLUSTER_LENGTH = 58
"""A server group name (`<cluster>-v000`) then fits into 63 characters, the limit of a DNS label."""

NUMBERS = 1000

_WORD = re.compile(r"[a-z0-9]+")
_DETAIL = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_GROUP = re.compile(r"(?P<cluster>.+)-v(?P<number>[0-9]{3})")
_LOOKS_LIKE_GROUP = re.compile(r"(.*-)?v[0-9]{3}")


@dataclass(frozen=True, slots=True)
class ClusterName:
    """One deployable service of an application.

    Raises `InvalidDocument` when a part is not a legal name.
    """

    application: str
    stack: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise InvalidDocument(f"{str(self)!r} is not a cluster name", problems)

    def __str__(self) -> str:
        if self.detail:
            return f"{self.application}-{self.stack}-{self.detail}"
        return f"{self.application}-{self.stack}" if self.stack else self.application


def _problems(name: ClusterName) -> list[Problem]:
    found = []
    if not _WORD.fullmatch(name.application):
        found.append(Problem(_wrong(name.application, "a-z and 0-9"), "application"))
    if name.stack and not _WORD.fullmatch(name.stack):
        found.append(Problem(_wrong(name.stack, "a-z and 0-9"), "stack"))
    if name.detail and not _DETAIL.fullmatch(name.detail):
        found.append(Problem(_wrong(name.detail, "a-z, 0-9 and single hyphens"), "detail"))
    if _LOOKS_LIKE_GROUP.fullmatch(name.detail or name.stack):
        last = "detail" if name.detail else "stack"
        found.append(Problem("may not end like a server group, v000 to v999", last))
    if len(str(name)) > MAX_CLUSTER_LENGTH:
        found.append(
            Problem(
                f"the cluster name {str(name)!r} has {len(str(name))} characters, "
                f"{MAX_CLUSTER_LENGTH} are allowed",
                "application",
            )
        )
    return found


def _wrong(value: str, allowed: str) -> str:
    return f"{value!r} is not a name: use {allowed}"


def parse_cluster(text: str) -> ClusterName:
    """Read `app[-stack][-detail]`. Raises `InvalidDocument`."""
    application, _, rest = text.partition("-")
    stack, _, detail = rest.partition("-")
    name = ClusterName(application, stack, detail)
    if str(name) != text:
        raise InvalidDocument(
            f"{text!r} is not a cluster name", (Problem("a hyphen too many", "application"),)
        )
    return name


def format_group(cluster: str, number: int) -> str:
    """Name the server group of a cluster with this number, 0 to 999."""
    if not 0 <= number < NUMBERS:
        raise ValueError(f"a server group number lies between 0 and 999, not {number}")
    return f"{cluster}-v{number:03d}"


def parse_group(name: str) -> tuple[str, int]:
    """Split a server group name into its cluster and number. Raises `InvalidDocument`."""
    match = _GROUP.fullmatch(name)
    if match is None:
        raise InvalidDocument(
            f"{name!r} is not a server group name",
            (Problem("expected <cluster>-v000 to <cluster>-v999"),),
        )
    parse_cluster(match["cluster"])
    return match["cluster"], int(match["number"])


def next_group(cluster: str, newest: str | None, in_use: Collection[str]) -> str:
    """Name the next server group: one after the most recently created, round after v999, skipping
    names in use.

    Raises `Conflict` when all 1000 names are in use.
    """
    first = 0 if newest is None else parse_group(newest)[1] + 1
    for offset in range(NUMBERS):
        name = format_group(cluster, (first + offset) % NUMBERS)
        if name not in in_use:
            return name
    raise Conflict(
        f"{cluster} has 1000 server groups and no free name",
        hint="Destroy server groups that are not needed any more.",
    )
