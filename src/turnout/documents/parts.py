"""Shapes of single values that stand at many places of the service file."""

from __future__ import annotations

from turnout.documents import texts
from turnout.documents.shapes import Parsed, Schema, Words
from turnout.documents.structures import Forms, ListOf, Made, MapOf
from turnout.model.units import parse_duration, parse_share


def _duration(pattern: str) -> Schema:
    return {"anyOf": [{"type": "string", "pattern": pattern}, {"const": 0}]}


_SHARE: Schema = {
    "anyOf": [
        {"type": "string", "pattern": texts.SHARE_PATTERN},
        {"type": "number", "minimum": 0, "maximum": 100},
    ]
}

DURATION = Parsed(parse_duration, _duration(texts.DURATION_PATTERN))
POSITIVE_DURATION = Parsed(
    texts.parse_positive_duration, {"type": "string", "pattern": texts.DURATION_PATTERN}
)
SHARE = Parsed(parse_share, _SHARE)
POSITIVE_SHARE = Parsed(texts.parse_positive_share, _SHARE)
LINE = Words(texts.parse_line)
PATH = Words(texts.parse_url_path, texts.PATH_PATTERN)
STATUS = Parsed(
    texts.parse_status,
    {
        "anyOf": [
            {"type": "string", "pattern": texts.STATUS_PATTERN},
            {"type": "integer", "minimum": 100, "maximum": 599},
        ]
    },
)
HEADERS = MapOf(texts.parse_token, texts.HEADER_PATTERN, LINE)
COMMAND = Forms(
    single=Parsed(texts.parse_command, {"type": "string", "minLength": 1}),
    items=Made(ListOf(Words(texts.parse_block), minimum=1), texts.check_command),
)
VERSION = Words(texts.parse_version, texts.VERSION_PATTERN)
