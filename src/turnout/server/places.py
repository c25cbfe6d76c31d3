"""Where everything is in the data folder."""

from __future__ import annotations

from pathlib import Path

from turnout.settings import Settings
from turnout.store.database import sqlite_url


class Places:
    """The folders and files of one server."""

    def __init__(self, settings: Settings) -> None:
        self.data: Path = settings.data
        self.groups = self.data / "groups"
        self.router = self.data / "router"
        self.figures = self.data / "figures"
        self.temporal = self.data / "temporal"
        self.database = self.data / "turnout.db"
        store = settings.store
        self.store_url = sqlite_url(self.database) if store is None else store.get_secret_value()
