"""Writing a canary configuration. What is written is read again as the same document."""

from __future__ import annotations

import json
from typing import Any

import yaml
from pydantic import JsonValue

from turnout.documents.report import Place
from turnout.documents.scalars import is_null, parse_number, parse_truth
from turnout.documents.tree import Scalar


def to_json(document: JsonValue) -> str:
    """As people read JSON; ends with a line end."""
    return f"{json.dumps(_tidied(document), indent=2, ensure_ascii=False)}\n"


def to_yaml(document: JsonValue) -> str:
    """In the order of the document; text of several lines as a block."""
    text: str = yaml.dump(
        _tidied(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=90
    )
    return text


def _tidied(value: JsonValue) -> JsonValue:
    """Whole numbers as people write them: 60, not 60.0."""
    match value:
        case dict():
            return {name: _tidied(item) for name, item in value.items()}
        case list():
            return [_tidied(item) for item in value]
        case float() if value.is_integer() and abs(value) < _EXACT:
            return int(value)
        case _:
            return value


_EXACT = 2**53
"""Below it every whole number is a float of its own."""


class _Dumper(yaml.SafeDumper):
    """Quotes what our reader, which knows YAML 1.2, would take for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:  # as its base has it
        """Each part is written where it stands."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists are indented below their key, as people write them."""
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if _OTHER_LINE_ENDS.intersection(text):
        return '"'
    if "\n" in text:
        return "|"
    return "'" if _is_more_than_text(text) else None


_OTHER_LINE_ENDS = frozenset("\x85\u2028\u2029")
"""In all but double quotes they would be read as blanks."""


def _is_more_than_text(text: str) -> bool:
    plain = Scalar(text, is_plain=True, place=Place())
    return is_null(plain) or parse_truth(plain) is not None or parse_number(plain) is not None


_Dumper.add_representer(str, _represent_text)
