"""What the doctor found."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.answers import Finding
from turnout.cli.views.signs import Signs
from turnout.cli.views.words import BAD, GOOD, WAIT, clean, plural


def findings_view(findings: Sequence[Finding], signs: Signs) -> RenderableType:
    """One line each; below what is not well, what to do."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in findings:
        mark = Text(signs.done, GOOD) if finding.ok else Text(signs.failed, BAD)
        table.add_row(mark, clean(finding.name), Text(clean(finding.sentence)))
        if not finding.ok and finding.hint:
            table.add_row("", "", Text(clean(finding.hint), WAIT))
    bad = sum(not finding.ok for finding in findings)
    end = Text(f"{plural(bad, 'thing')} not well.", BAD) if bad else Text("All is well.", GOOD)
    return Group(table, Text(), end)
