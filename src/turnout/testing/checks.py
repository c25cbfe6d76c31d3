"""The `Checker` port in memory."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.model.checks import Check, CheckAnswer, Verdict
from turnout.ports import CheckContext


class MemoryChecker:
    """Answers every check by its name as a test has said; `pass` unless told otherwise."""

    def __init__(self, verdicts: Mapping[str, Verdict] | None = None) -> None:
        self.verdicts = dict(verdicts or {})

    async def answer(self, check: Check, context: CheckContext) -> CheckAnswer:
        """As the port says."""
        verdict = self.verdicts.get(check.name, Verdict.PASS)
        return CheckAnswer(
            check=check.name, verdict=verdict, sentence=f"{context.group} was told to {verdict}"
        )
