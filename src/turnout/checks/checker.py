"""The table from kinds of checks to what makes them, and the patience with what passes."""

from __future__ import annotations

from datetime import timedelta

from turnout.checks.attempt import Unanswerable
from turnout.checks.canary import make_canary_check
from turnout.checks.command import make_command_check
from turnout.checks.http import make_http_check
from turnout.checks.metric import make_metric_check
from turnout.checks.trip_wires import make_trip_wires
from turnout.model.checks import (
    CanaryCheck,
    Check,
    CheckAnswer,
    CommandCheck,
    HttpCheck,
    MetricCheck,
    TripWires,
    Verdict,
)
from turnout.model.errors import AdapterError, Permanent, TurnoutError
from turnout.model.units import format_duration
from turnout.ports import Analyst, CheckContext, Clock, Metrics

RETRY_AFTER = timedelta(milliseconds=500)
"""How long a check that could not be made waits before it is made again."""


class LocalChecker:
    """Makes checks from this host.

    `owner` marks the commands it starts, so that those of a killed server are found (`end_strays`).
    """

    def __init__(self, metrics: Metrics, analyst: Analyst, clock: Clock, *, owner: str) -> None:
        self._metrics, self._analyst = metrics, analyst
        self._clock, self._owner = clock, owner

    async def answer(self, check: Check, context: CheckContext) -> CheckAnswer:
        """Answer within the check's timeout; what could not be found out by then is `error`."""
        start = self._clock.elapsed()
        attempts = 0
        while True:
            attempts += 1
            left = check.timeout - (self._clock.elapsed() - start)
            try:
                return await self._attempt(check, context, left)
            except Unanswerable as trouble:
                left = check.timeout - (self._clock.elapsed() - start)
                if not trouble.passing or left <= RETRY_AFTER:
                    return _error(check, trouble.sentence, attempts)
            await self._clock.sleep(RETRY_AFTER)

    async def _attempt(self, check: Check, context: CheckContext, left: timedelta) -> CheckAnswer:
        try:
            match check:
                case HttpCheck():
                    return await make_http_check(check, context, left, self._clock.elapsed)
                case CommandCheck():
                    return await make_command_check(
                        check, context, left, self._clock.elapsed, owner=self._owner
                    )
                case MetricCheck():
                    return await make_metric_check(check, context, self._metrics, self._clock.now())
                case CanaryCheck():
                    return await make_canary_check(check, context, self._analyst, self._clock)
                case TripWires():
                    return await make_trip_wires(check, context, self._metrics, self._clock.now())
        except TurnoutError as error:
            passing = isinstance(error, AdapterError) and not isinstance(error, Permanent)
            raise Unanswerable(error.message, passing=passing) from error


def _error(check: Check, sentence: str, attempts: int) -> CheckAnswer:
    tried = f" (tried {attempts} times in {format_duration(check.timeout)})" if attempts > 1 else ""
    return CheckAnswer(
        check=check.name,
        verdict=Verdict.ERROR,
        sentence=f"could not be made: {sentence}{tried}",
        figures={"attempts": attempts},
    )
