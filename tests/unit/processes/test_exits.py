from __future__ import annotations

from pathlib import Path

import pytest

from turnout.processes import format_exit, rotate


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (126, "exit code 126 (cannot be run)"),
        (127, "exit code 127 (command not found)"),
        (137, "exit code 137 (SIGKILL)"),
        (143, "exit code 143 (SIGTERM)"),
        (255, "exit code 255"),
        (None, "exit code unknown"),
    ],
)
def test_an_exit_code_names_the_signal(code: int | None, words: str) -> None:
    assert format_exit(code) == words


def test_rotation_keeps_a_number_of_older_logs(tmp_path: Path) -> None:
    log = tmp_path / "out.log"
    for number in range(5):
        log.write_text(f"{number}" * 13)
        assert rotate(log, 5, 2) == 13
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.log", "out.log.1", "out.log.2"]
    assert (tmp_path / "out.log.1").read_text() == "4444444444"
    assert (tmp_path / "out.log.2").read_text() == "3333333333"


def test_rotation_may_keep_nothing(tmp_path: Path) -> None:
    log = tmp_path / "out.log"
    log.write_text("0123456789")
    assert rotate(log, 5, 0) == 10
    assert [p.name for p in tmp_path.iterdir()] == ["out.log"]


def test_a_log_that_does_not_exist_needs_no_rotation(tmp_path: Path) -> None:
    assert rotate(tmp_path / "none", 5, 2) == 0
