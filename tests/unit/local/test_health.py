from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from turnout.model.servers import CommandProbe, InstanceState, Probe
from turnout.providers.local.health import Health, next_delay, next_health

STARTING, HEALTHY, UNHEALTHY = (
    InstanceState.STARTING,
    InstanceState.HEALTHY,
    InstanceState.UNHEALTHY,
)


def after(answers: str, probe: Probe, *, start: InstanceState = STARTING) -> InstanceState:
    """The state after good (+) and bad (-) answers, one a second."""
    health = Health(start)
    for second, answer in enumerate(answers):
        health = next_health(health, probe, is_good=answer == "+", now=float(second))
    return health.state


def test_an_instance_is_starting_until_it_answers_well_often_enough_in_a_row() -> None:
    probe = Probe(healthy_after=3)
    assert after("++-++", probe) is STARTING
    assert after("++-+++", probe) is HEALTHY


def test_bad_answers_do_not_end_the_start() -> None:
    assert after("-" * 100, Probe()) is STARTING


def test_a_healthy_instance_becomes_unhealthy_after_bad_answers_in_a_row() -> None:
    probe = Probe(unhealthy_after=3)
    assert after("+--+--", probe) is HEALTHY
    assert after("+--+---", probe) is UNHEALTHY


def test_an_unhealthy_instance_must_answer_well_again_as_often_as_at_first() -> None:
    probe = Probe(healthy_after=2)
    assert after("+", probe, start=UNHEALTHY) is UNHEALTHY
    assert after("++", probe, start=UNHEALTHY) is HEALTHY


def test_health_must_last_before_it_counts() -> None:
    probe = Probe(min_healthy_time=timedelta(seconds=3))
    assert after("+++", probe) is STARTING
    assert after("++++", probe) is HEALTHY
    assert after("+++-+++", probe) is STARTING, "it counts from the first good answer in the row"


@given(
    answers=st.text("+-", max_size=60),
    good=st.integers(1, 5),
    bad=st.integers(1, 5),
    seconds=st.integers(0, 5),
)
def test_an_instance_is_healthy_only_after_enough_good_answers(
    answers: str, good: int, bad: int, seconds: int
) -> None:
    probe = Probe(
        healthy_after=good, unhealthy_after=bad, min_healthy_time=timedelta(seconds=seconds)
    )
    row = "+" * max(good, seconds + 1)
    is_healthy = after(answers, probe) is HEALTHY
    assert not is_healthy or row in answers
    assert not is_healthy or not answers.endswith("-" * bad)
    assert after(answers + row, probe) is HEALTHY


def test_questions_come_quickly_at_first_and_slow_down_to_the_interval() -> None:
    probe = Probe(interval=timedelta(seconds=1))
    delays = [next_delay(Health(), probe, now=now, started=0) for now in (0.0, 1.0, 2.0, 9.0)]
    assert delays == [0.05, 0.25, 0.5, 1.0]


def test_a_command_is_run_at_the_interval_from_the_beginning() -> None:
    probe = Probe(request=CommandProbe(command=("true",)), interval=timedelta(seconds=5))
    assert next_delay(Health(), probe, now=0, started=0) == 5


def test_the_last_question_of_the_minimum_time_is_asked_when_it_is_over() -> None:
    probe = Probe(interval=timedelta(seconds=1), min_healthy_time=timedelta(seconds=1.3))
    health = next_health(Health(), probe, is_good=True, now=10.0)
    assert next_delay(health, probe, now=10.0, started=0) == 1.0
    health = next_health(health, probe, is_good=True, now=11.0)
    assert round(next_delay(health, probe, now=11.0, started=0), 3) == 0.3


def test_a_healthy_instance_is_asked_at_the_interval() -> None:
    probe = Probe(interval=timedelta(seconds=2))
    assert next_delay(Health(HEALTHY, 1), probe, now=5.0, started=4.9) == 2
