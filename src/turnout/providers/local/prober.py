"""Asks one run of an instance how it is, again and again."""

from __future__ import annotations

import asyncio
import random

from turnout.model.servers import InstanceState, Probe
from turnout.processes import Process
from turnout.providers.local import probes
from turnout.providers.local.health import Health, next_delay, next_health
from turnout.providers.local.listening import format_listening, observe_listening
from turnout.providers.local.probes import Target

_LOOK_AGAIN = 5.0
"""Seconds between two looks at where an instance listens: each costs milliseconds."""


class Prober:
    """What the answers of one process amount to."""

    def __init__(
        self, probe: Probe, target: Target, process: Process, state: InstanceState, *, is_new: bool
    ) -> None:
        self.health = Health(state)
        self.said = ""
        """The last answer in words."""
        self._probe = probe
        self._target = target
        self._process = process
        self._started = asyncio.get_running_loop().time()
        self._is_new = is_new
        self._listening: frozenset[tuple[str, int]] = frozenset()
        self._looked_at: float | None = None

    async def ask(self) -> bool:
        """Wait until the next question is due and ask it; False when the process has ended."""
        await asyncio.sleep(self._next_delay())
        answer = await probes.ask(self._probe, self._target)
        if not self._process.is_command_alive():
            return False  # whoever answered, it was not this instance: a child that it left behind?
        now = asyncio.get_running_loop().time()
        self.health = next_health(self.health, self._probe, is_good=answer.is_good, now=now)
        self.said = await self._explain_refusal(now) if answer.is_refused else answer.said
        return True

    def _next_delay(self) -> float:
        if not self.said and not self._is_new:
            # Many are found at once when Turnout starts: do not ask all of them at once.
            return random.uniform(0, self._probe.interval.total_seconds())  # noqa: S311
        now = asyncio.get_running_loop().time()
        return next_delay(self.health, self._probe, now=now, started=self._started)

    async def _explain_refusal(self, now: float) -> str:
        is_due = self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN
        if is_due and self._process.pid is not None and now - self._started >= 1:
            self._looked_at = now
            self._listening = await asyncio.to_thread(observe_listening, self._process.pid)
        return format_listening(self._target.host, self._target.port, self._listening)
