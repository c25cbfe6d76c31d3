"""Looks at a canary while it is compared, and has the screen show it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from turnout.api.views import DeploymentView
from turnout.demo.acts import CLUSTER
from turnout.demo.api import Api
from turnout.demo.picture import Picture, build_picture, judge_of
from turnout.demo.stage import Stage
from turnout.model.traffic import GroupTraffic

_REDRAW_EVERY = 0.5
_TELL_EVERY = 5.0
"""Seconds, where nothing can be redrawn."""


@dataclass(slots=True)
class CanaryWatch:
    """One deployment's. Whoever has one calls `close` in the end."""

    stage: Stage
    api: Api
    _begun: Mapping[str, GroupTraffic] | None = None
    _picture: Picture | None = None
    _drawn_at: float = field(default_factory=time.monotonic)
    _told_at: float = field(default_factory=time.monotonic)

    async def look(self, view: DeploymentView) -> None:
        """Draw it, as long as something is compared; leave the last picture when that is over."""
        judge = judge_of(view)
        if judge is None:
            self._leave()
        elif time.monotonic() - self._drawn_at >= _REDRAW_EVERY:
            self._drawn_at = time.monotonic()
            await self._draw(judge)

    def close(self) -> None:
        """Nothing is redrawn any more."""
        self.stage.screen.settle()

    async def _draw(self, judge: str) -> None:
        now = await self.api.cluster(CLUSTER)
        if self._begun is None:
            self._begun = now.traffic
        self._picture = build_picture(now, self._begun, judge, self.stage.teller.short)
        if self.stage.screen.redraw(self._picture):
            return
        if time.monotonic() - self._told_at >= _TELL_EVERY:
            self._told_at = time.monotonic()
            self.stage.screen.say("judge", judge)

    def _leave(self) -> None:
        if self._picture is not None:
            self.stage.screen.keep(self._picture)
            self._picture = None
