"""Server-sent events: from lines of a stream to messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One event of the stream."""

    id: str
    event: str
    data: str


def parse_messages(lines: Iterable[str]) -> Iterator[Message | None]:
    """Every message, and None for every sign of life between them."""
    last, event = "", ""
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Message(last, event or "message", "\n".join(data))
            event, data = "", []
        elif not name:
            yield None
        elif name == "id":
            last = value
        elif name == "event":
            event = value
        elif name == "data":
            data.append(value)
