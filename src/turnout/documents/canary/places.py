"""Where in a file a path of a document stands."""

from __future__ import annotations

import re

from turnout.documents.report import Place
from turnout.documents.tree import ListNode, MapNode, Node, Scalar

_INDEX = re.compile(r"\[(\d+)\]")


def find_place(root: Node, path: str) -> Place:
    """The place of `metrics[3].query.metricName`: of its key, or of as much of it as is there.

    Keys may hold dots and brackets themselves, as groups do: the longest one that fits is taken.
    """
    node, place, rest = root, root.place, path
    while rest:
        found = _step(node, rest)
        if found is None:
            break
        place, node, rest = found
    return place


def _step(node: Node, path: str) -> tuple[Place, Node, str] | None:
    """The place and the node of the first part of a path, and the rest of it."""
    if isinstance(node, ListNode):
        index = _INDEX.match(path)
        if index is None or int(index[1]) >= len(node.items):
            return None
        item = node.items[int(index[1])]
        return item.place, item, path[index.end() :].removeprefix(".")
    if isinstance(node, MapNode):
        fitting = [entry for entry in node.entries if _begins(path, entry[0])]
        if fitting:
            key, value = max(fitting, key=lambda entry: len(entry[0].text))
            return key.place, value, path[len(key.text) :].removeprefix(".")
    return None


def _begins(path: str, key: Scalar) -> bool:
    rest = path.removeprefix(key.text)
    return path.startswith(key.text) and (not rest or rest[0] in ".[")
