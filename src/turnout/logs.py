"""Logs as events with fields: lines for people in a terminal, JSON for machines. Secrets never.

Everything goes to standard error through one door, the logs of libraries too. May be imported by
the server.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from typing import Literal, TextIO

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["auto", "json", "console"]

_HIDDEN = "**********"
_SECRET_NAME = re.compile(r"(^|_)(token|password|secret|authorization|cookie)s?$", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(?P<before>://[^/\s:@]*:)[^/\s@]+(?=@)")

_QUIET: Sequence[str] = (
    *("alembic", "asyncio", "httpcore2", "httpx2"),
    *("sse_starlette", "temporalio", "uvicorn"),
)
"""Libraries that tell more than anybody asked."""


def configure_logs(level: str, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Have all logs of this process go to `stream` (standard error) in this format from now on."""
    stream = sys.stderr if stream is None else stream
    for_people = log_format == "console" or (log_format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=False,
    )
    renderer: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
        if for_people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what is secret by its type, its name, or its place in a URL."""
    return {
        name: value if name == "exc_info" else _shown(name, value) for name, value in event.items()
    }


def _shown(name: str, value: object) -> object:
    match value:
        case SecretStr():
            return _HIDDEN
        case str() if _SECRET_NAME.search(name):
            return _HIDDEN if value else ""
        case str():
            return _PASSWORD_IN_URL.sub(rf"\g<before>{_HIDDEN}", value)
        case dict():
            return {key: _shown(str(key), part) for key, part in value.items()}
        case list() | tuple():
            return [_shown("", part) for part in value]
        case _:
            return value
