"""What the guide to canaries links to and tells to type is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "canary.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"turnout (canary [a-z]+(?: import)?)\b(?!\])", GUIDE)))


def test_what_the_guide_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https://)([^)#]+)", GUIDE)
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_guide_exist(command: str) -> None:
    call = [sys.executable, "-m", "turnout", *command.split(), "--help"]
    assert subprocess.run(call, capture_output=True, check=False).returncode == 0
