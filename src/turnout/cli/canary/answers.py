"""The API's documents about canary configurations."""

from __future__ import annotations

from datetime import datetime

from turnout.documents.canary import Change
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.value import Value


class ConfigSummary(Value):
    """One in a list. Version 0 is built in."""

    name: str
    version: int
    description: str = ""
    judge: str = ""
    metrics: int
    by: str = ""
    at: datetime | None = None


class ConfigView(Value):
    """One version of one."""

    name: str
    version: int
    document: CanaryConfig
    by: str = ""
    at: datetime | None = None


class ConfigVersionLine(Value):
    """Who made a version, and when."""

    version: int
    by: str = ""
    at: datetime | None = None


class ConfigDiff(Value):
    """What differs between two versions."""

    name: str
    before: int
    after: int
    changes: tuple[Change, ...]
