"""What plain words mean in YAML 1.2 (core schema): `no`, `on` and `1:30` are texts, `012` is
twelve.

Quoted words are always texts.
"""

from __future__ import annotations

import math
import re

from turnout.documents.report import shown
from turnout.documents.tree import ListNode, MapNode, Node, Scalar

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,18}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,3})?")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def is_null(node: Node) -> bool:
    """Nothing was written."""
    return isinstance(node, Scalar) and node.is_plain and node.text in _NULLS


def parse_truth(node: Node) -> bool | None:
    """`true` or `false`; None for anything else."""
    return _TRUTHS.get(node.text) if isinstance(node, Scalar) and node.is_plain else None


def parse_integer(node: Node) -> int | None:
    """A whole number; None for anything else."""
    if not isinstance(node, Scalar) or not node.is_plain or not _INTEGER.fullmatch(node.text):
        return None
    if node.text[:2] in ("0o", "0x"):
        return int(node.text, 0)
    return int(node.text)


def parse_number(node: Node) -> float | None:
    """A number; None for anything else."""
    whole = parse_integer(node)
    if whole is not None:
        return float(whole)
    if isinstance(node, Scalar) and node.is_plain and _FLOAT.fullmatch(node.text):
        number = float(node.text)
        return number if math.isfinite(number) else None
    return None


def describe(node: Node) -> str:
    """What stands there, for a sentence: `the text 'x'`, `a list`, `nothing`."""
    match node:
        case ListNode():
            return "a list"
        case MapNode():
            return "a mapping"
        case Scalar():
            if is_null(node):
                return "nothing"
            is_text = parse_truth(node) is None and parse_number(node) is None
            return f"the text {shown(node.text)}" if is_text else shown(node.text)[1:-1]


def build_plain(node: Node) -> Json:
    """The tree as JSON has it: what a JSON Schema is applied to."""
    match node:
        case ListNode():
            return [build_plain(item) for item in node.items]
        case MapNode():
            return {key.text: build_plain(value) for key, value in node.entries}
        case Scalar():
            return _plain(node)


def _plain(node: Scalar) -> Json:
    if is_null(node):
        return None
    for meaning in (parse_truth(node), parse_integer(node), parse_number(node)):
        if meaning is not None:
            return meaning
    return node.text
