"""What stands in the way of a deployment that waits for its turn, and what may be done about it."""

from __future__ import annotations

from turnout.model.deployment import Choice, Kind, Status
from turnout.model.journal import DeploymentRecord


def ahead_words(ahead: DeploymentRecord, waiting: Kind) -> str:
    """What whoever waits should know of the deployment whose turn it is; empty for nothing.

    A paused one waits for a person, for a day perhaps. Who rolls back while one still runs may
    want to take back that one.
    """
    cancel = f"turnout cancel {ahead.id}"
    if ahead.question:
        answer = f"turnout answer {ahead.id} {' | '.join(ahead.question.choices)}"
        back = f", or take it back: {cancel}" if Choice.ROLLBACK in ahead.question.choices else ""
        return f"{ahead.id} is paused: {ahead.question.sentence} (answer: {answer}{back})"
    if waiting is Kind.ROLLBACK and ahead.status is Status.RUNNING:
        return (
            f"{ahead.id} is still running. To take that one back now, without waiting: {cancel}, "
            "or roll back with --on-busy superseding"
        )
    return ""


def ahead_mark(ahead: DeploymentRecord) -> tuple[object, ...]:
    """Changes when there is something new to say: each question, but a way back that asks the same
    again every minute only once.
    """
    question = ahead.question
    if question is None:
        return (ahead.id,)
    again = question.default is Choice.RETRY
    return (ahead.id, question.sentence if again else question.asked_at)
