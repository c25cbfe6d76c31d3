"""The page that `turnout --help` prints: commands by what they are for, and the exit codes."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from turnout.cli.exits import MEANING

SECTIONS = ("Deploy", "Look", "Operate", "Canaries", "Server")


class SectionedHelp(TyperGroup):
    """Typer's own group, which can sort its commands into sections only in boxes."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [c for c in self.commands.values() if not c.hidden]
        width = max(len(c.name or "") for c in commands)
        for section in SECTIONS:
            rows = [
                ((c.name or "").ljust(width), c.get_short_help_str(formatter.width))
                for c in commands
                if getattr(c, "rich_help_panel", None) == section
            ]
            with formatter.section(section):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(f"{code.value:<3}", told) for code, told in MEANING.items()])
        formatter.write_paragraph()
        formatter.write_text("Begin with: turnout demo, or turnout deploy service.yaml\n")
