from __future__ import annotations

from turnout.providers.local import restarts


def test_restarts_come_at_growing_distances_up_to_half_a_minute() -> None:
    delays = [restarts.back_off(streak) for streak in range(10)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert restarts.back_off(1_000_000) == 30.0


def test_an_end_is_told_with_code_and_time() -> None:
    assert restarts.format_end(3, 0.21) == "exited with code 3 after 0.2 s"
    assert restarts.format_end(137, 75.0) == "exited with code 137 (SIGKILL) after 75 s"
    assert restarts.format_end(0, None) == "exited with code 0 while Turnout was away"
    assert restarts.format_end(None, 300.0) == "ended, exit code unknown, after 5 min"


def test_processes_left_behind_are_told() -> None:
    assert restarts.format_end(0, 1.0, 1) == (
        "exited with code 0 after 1.0 s and left a process behind, now ended too "
        "(a service must stay in the foreground)"
    )


def test_hopelessness_is_told_with_tries_and_last_lines() -> None:
    end = restarts.format_end(3, 0.2)
    assert restarts.format_hopeless(end, 4, ["Traceback", "ValueError: x"]) == (
        "exited with code 3 after 0.2 s, 4 times; last lines: Traceback | ValueError: x"
    )
    assert restarts.format_hopeless(end, 1, []) == (
        "exited with code 3 after 0.2 s; it wrote nothing"
    )


def test_durations_are_told_in_the_unit_that_fits() -> None:
    told = [restarts.format_seconds(s) for s in (0.04, 9.94, 9.96, 119, 120, 7199, 7200)]
    assert told == ["0.0 s", "9.9 s", "10 s", "119 s", "2 min", "120 min", "2 h"]
