"""Many deployments, one line each, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from turnout.cli.views import words
from turnout.model.journal import DeploymentRecord

WIDE_ENOUGH = 150
"""Columns that the table needs for an outcome worth reading."""


def history_view(
    records: Sequence[DeploymentRecord], now: datetime, zone: tzinfo | None, *, width: int
) -> RenderableType:
    """When, which, what, how it ended; in two lines each where `width` is too small for one."""
    if not records:
        return Text("No deployment yet. Begin with: turnout deploy service.yaml")
    if width < WIDE_ENOUGH:
        return Group(*(_block(record, now, zone) for record in records))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=words.FAINT)
    for column in ("time", "id", "cluster", "what", "version", "status"):
        table.add_column(column, no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("outcome", ratio=1)
    for record in records:
        table.add_row(
            words.full_time(record.request.requested_at, zone),
            record.id,
            record.request.cluster,
            words.what(record),
            clean_version(record),
            Text(words.STATUS_WORDS[record.status], words.STATUS_STYLES[record.status]),
            words.duration(record, now),
            Text(words.clean(record.sentence)),
        )
    return table


def _block(record: DeploymentRecord, now: datetime, zone: tzinfo | None) -> RenderableType:
    head = Text.assemble(
        (f"{words.full_time(record.request.requested_at, zone)}  ", words.FAINT),
        (record.request.cluster, "bold"),
        f"  {words.what(record)} {clean_version(record)}  ",
        (words.STATUS_WORDS[record.status], words.STATUS_STYLES[record.status]),
        f"  {words.duration(record, now)}",
        (f"  {record.id}", words.FAINT),
    )
    return Group(head, Padding(Text(words.clean(record.sentence)), (0, 0, 0, 4)))


def clean_version(record: DeploymentRecord) -> str:
    """The version, whatever its author put into it."""
    return words.clean(words.version(record)) or "-"
