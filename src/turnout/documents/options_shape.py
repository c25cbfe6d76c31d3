"""The shape of strategies and their options."""

from __future__ import annotations

from typing import Any

from turnout.documents import parts, texts
from turnout.documents.checks_shape import Checks
from turnout.documents.shapes import Either, OneOf, Parsed, Truth, Whole
from turnout.documents.structures import Key, ListOf, Made, Record
from turnout.model.analysis import AnalysisMode, OnInconclusive
from turnout.model.deployment import (
    PROMOTIONS,
    STRATEGY_OPTIONS,
    OnFailure,
    Scale,
    StrategyName,
)
from turnout.model.traffic import WHOLE

_CHECKS = Checks()
_LARGEST_ARM = 450


def _growing(steps: tuple[int, ...]) -> tuple[int, ...]:
    if list(steps) != sorted(set(steps)) or steps[-1] != WHOLE:
        raise ValueError("steps must grow, and the last one must be 100%")
    return steps


def _arm_share(text: str) -> int:
    share = texts.parse_positive_share(text)
    if share > _LARGEST_ARM:
        raise ValueError("the canary gets 45% at most: production keeps a tenth, the baseline half")
    return share


def _rising(steps: tuple[int, ...]) -> tuple[int, ...]:
    if list(steps) != sorted(set(steps)):
        raise ValueError("canary_steps must grow")
    return steps


_ARM_SHARE = Parsed(_arm_share, parts.POSITIVE_SHARE.schema())

_KEYS = {
    "instances": Key(
        Either[Any]("source", "source", Whole(1, 1000)),
        "Size of the new server group: a number, or source for as many as the one it replaces. "
        "Default: the file's instances if it names them, else source.",
    ),
    "on_failure": Key(
        OneOf(tuple(OnFailure)),
        "rollback takes everything back (default), pause asks a person, stop leaves all as it is.",
    ),
    "keep_failed": Key(
        Truth(),
        "Leave a failed new server group running without traffic, to look into. Default false.",
    ),
    "ready_deadline": Key(
        parts.POSITIVE_DURATION, "How long the new server group may take to be ready. Default 10m."
    ),
    "healthy_share": Key(
        parts.POSITIVE_SHARE, "Share of the instances that makes a group ready. Default 100%."
    ),
    "min_healthy_share": Key(
        parts.SHARE, "Refuse what would leave fewer instances healthy. Default 0%: the last one."
    ),
    "drain_timeout": Key(
        parts.DURATION, "How long requests in flight may take to finish. Default 30s."
    ),
    "watch": Key(
        parts.DURATION, "How long to watch after the switch, ready to go back. Default 0."
    ),
    "watch_checks": Key(_CHECKS, "Checks made all through the watch. Default: the trip wires."),
    "keep": Key(Whole(1, 999), "How many server groups stay, the new one included. Default 2."),
    "scale_down_after": Key(
        Either[Any]("never", None, parts.POSITIVE_DURATION),
        "How long an old server group stays warm; never (default) is for ever.",
    ),
    "before_traffic": Key(_CHECKS, "Checks made before any traffic reaches the new server group."),
    "delay_before_switch": Key(
        parts.DURATION, "Wait before the switch, when all is ready. Default 0."
    ),
    "steps": Key(
        Made(ListOf(parts.POSITIVE_SHARE, minimum=1), _growing),
        "Growing shares of traffic, the last one 100%. Default [10%, 25%, 50%, 100%].",
    ),
    "scale": Key(
        OneOf(tuple(Scale)),
        "Grow the new server group with_traffic (default), or to its full size before any.",
    ),
    "step_hold": Key(parts.DURATION, "How long to stay at each step. Default 0."),
    "checks": Key(_CHECKS, "Checks made during every step."),
    "shrink_source": Key(
        Truth(), "Take instances from the old server group as its traffic goes. Default false."
    ),
    "canary_instances": Key(
        Whole(1, 100),
        "Size of the canary, and of the baseline as well. Default 1; 2 or more tell a bad version "
        "from a bad instance.",
    ),
    "traffic": Key(
        _ARM_SHARE, "Share of the canary, and of the baseline as well; at most 45%. Default 5%."
    ),
    "canary_steps": Key(
        Made(ListOf(_ARM_SHARE, minimum=1), _rising),
        "Growing shares of the canary, each one compared for the whole duration. Default: traffic.",
    ),
    "warmup": Key(
        parts.DURATION,
        "How long canary and baseline have traffic before they are compared. Default 30s.",
    ),
    "duration": Key(parts.POSITIVE_DURATION, "How long they are compared. Default 15m."),
    "interval": Key(parts.POSITIVE_DURATION, "How often the judge looks. Default 5s."),
    "analysis": Key(
        OneOf(tuple(AnalysisMode)),
        "automatic (default): the judge decides. manual: a person does, on the same comparison.",
    ),
    "judgment_deadline": Key(
        parts.POSITIVE_DURATION, "How long a person may take to decide; then it fails. Default 4h."
    ),
    "judges": Key(ListOf(parts.LINE, minimum=1), "Who may decide. Default: everybody."),
    "on_inconclusive": Key(
        OneOf(tuple(OnInconclusive)),
        "When the figures say neither yes nor no: extend once and ask then (default), ask a "
        "person, or fail.",
    ),
    "early_pass": Key(
        Truth(), "Promote as soon as harm is excluded, before the duration is over. Default false."
    ),
    "config": Key(
        parts.LINE, "The name of a stored canary configuration. Default: the one that is built in."
    ),
    "promote_with": Key(
        OneOf(PROMOTIONS), "How a canary that is fine gets all traffic. Default blue_green."
    ),
}


def options_record(strategy: StrategyName | None) -> Record:
    """The options that a strategy takes; None: all that there are."""
    if strategy is None:
        return Record(_KEYS)
    taken = STRATEGY_OPTIONS[strategy]
    return Record(
        {name: key for name, key in _KEYS.items() if name in taken},
        {name: not_taken(strategy, name) for name in _KEYS if name not in taken},
    )


def not_taken(strategy: StrategyName, option: str) -> str:
    """Say who takes an option that this strategy does not take."""
    takers = [name.value for name, taken in STRATEGY_OPTIONS.items() if option in taken]
    verb = "does" if len(takers) == 1 else "do"
    return f"{strategy} does not take this option; {' and '.join(takers)} {verb}"
