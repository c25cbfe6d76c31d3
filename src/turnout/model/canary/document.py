"""How a document of canary analysis is read and written.

Names are camelCase in JSON. A property that is null counts as absent; one that we do not know is
kept, so that an import followed by an export loses nothing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from turnout.model.errors import InvalidDocument, Problem
from turnout.model.words import nearest


class Document(BaseModel):
    """A frozen part of a document. Figures that are not finite are the texts "NaN", "Infinity" and
    "-Infinity" in JSON.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        ser_json_inf_nan="strings",
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: Any) -> Any:  # whatever the JSON holds
        if isinstance(value, dict):
            return {name: item for name, item in value.items() if item is not None}
        return value


AnyDocument = TypeVar("AnyDocument", bound=Document)


def read_document(kind: type[AnyDocument], value: JsonValue | bytes) -> AnyDocument:
    """A document from JSON, as text (bytes) or already parsed.

    Raises `InvalidDocument` with every mistake in its shape.
    """
    try:
        if isinstance(value, bytes):
            return kind.model_validate_json(value)
        return kind.model_validate(value)
    except ValidationError as invalid:
        found = tuple(_problem(error) for error in invalid.errors())
        count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
        raise InvalidDocument(f"Cannot read the {_title(kind)}: {count}", found) from invalid


def write_document(document: Document) -> bytes:
    """What was given, as JSON: without nulls and without defaults that nobody wrote."""
    text = document.model_dump_json(by_alias=True, exclude_none=True, exclude_unset=True)
    return text.encode()


def to_json_value(document: Document) -> JsonValue:
    """As `write_document`, for a place inside another document."""
    value: JsonValue = from_json(write_document(document))
    return value


def format_path(parts: tuple[str | int, ...]) -> str:
    """`metrics[3].query.metricName`."""
    steps = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return "".join(steps).removeprefix(".")


def _title(kind: type[Document]) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in kind.__name__).strip()


def _problem(error: Any) -> Problem:  # pydantic's record of one mistake
    path, context = error["loc"], error.get("ctx", {})
    if error["type"] == "union_tag_invalid":
        known = [name.strip("' ") for name in context["expected_tags"].split(",")]
        message = f"{context['tag']!r} is not one of {', '.join(known)}"
        return Problem(
            message, format_path((*path, "type")), nearest=nearest(context["tag"], known)
        )
    if error["type"] == "union_tag_not_found":
        return Problem("is missing", format_path((*path, "type")))
    message = _WRONG_TYPE.get(error["type"], error["msg"])
    return Problem(message, format_path(_without_tag(path)))


_WRONG_TYPE = {
    "tuple_type": "must be a list",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "missing": "is missing",
    "timezone_aware": "must say its zone, as in 2026-11-23T20:00:00Z",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}


def _without_tag(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Without the type of a query: pydantic has it in the path, the document has it not."""
    steps = pairwise(("", *path))
    return tuple(part for before, part in steps if before not in {"query", "exposureQuery"})
