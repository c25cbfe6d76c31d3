"""What is told about stored canary configurations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from turnout.model.value import Value

DEFAULT_NAME = "default"
"""The canary configuration that is built in, and so in no store."""


class ConfigSummary(Value):
    """A canary configuration in a list, in its newest version."""

    name: str
    version: int
    """0 = the one that is built in."""
    description: str = ""
    judge: str = ""
    """Empty = the document names none."""
    metrics: int
    by: str = ""
    at: datetime | None = None


class ConfigView(Value):
    """One version of a canary configuration."""

    name: str
    version: int
    """0 = the one that is built in."""
    document: dict[str, Any]  # a document may hold properties that we do not know
    by: str = ""
    at: datetime | None = None


class ConfigVersionLine(Value):
    """Who made a version, and when."""

    version: int
    by: str = ""
    at: datetime | None = None
