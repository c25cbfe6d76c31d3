"""The JSON Schema of the service file, made from the same table that reads it."""

from __future__ import annotations

from turnout.documents.checks_shape import Checks
from turnout.documents.service_shape import FILE
from turnout.documents.shapes import Schema
from turnout.model.deployment import STRATEGY_OPTIONS, StrategyName


def service_schema() -> Schema:
    """JSON Schema 2020-12 of the service file as people write it, for editors.

    Whatever `read_service` accepts fits it. It cannot say everything: names that must differ,
    options given twice, a command that cannot be split are found by `read_service` only.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Turnout service",
        "description": "One cluster: what to run, where its users come in, how it is deployed.",
        **FILE.schema(),
        "oneOf": [{"required": ["port"]}, {"required": ["listener"]}],
        "allOf": [_options_of(strategy) for strategy in StrategyName],
        "$defs": {"checks": Checks().definition()},
    }


def _options_of(strategy: StrategyName) -> Schema:
    """If the file names this strategy, its options are those that the strategy takes."""
    below = {"type": "object", "required": [strategy.value]}
    named = {"anyOf": [{"const": strategy.value}, below]}
    chosen: Schema = {"properties": {"strategy": named}}
    if strategy is not StrategyName.BLUE_GREEN:  # which is meant when none is named
        chosen["required"] = ["strategy"]
    names = {"propertyNames": {"enum": sorted(STRATEGY_OPTIONS[strategy])}}
    return {"if": chosen, "then": {"properties": {"options": names}}}
