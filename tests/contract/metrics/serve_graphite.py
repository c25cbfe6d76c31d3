"""Graphite's web application on a port of this host, run by the system's Python, which has it."""

from __future__ import annotations

import importlib
import os
import sys
import types
from wsgiref.simple_server import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing."""


def main(port: int) -> None:
    """Serve until killed."""
    folder = os.environ["GRAPHITE_FOLDER"]
    settings = types.ModuleType("settings_of_the_test")
    vars(settings).update(
        SECRET_KEY="nobody logs in",
        ALLOWED_HOSTS=["127.0.0.1"],
        TIME_ZONE="UTC",
        GRAPHITE_ROOT="/usr/share/graphite-web",
        CONF_DIR=folder,
        STORAGE_DIR=f"{folder}/storage",
        WHISPER_DIR=f"{folder}/storage/whisper",
        STANDARD_DIRS=[f"{folder}/storage/whisper"],
        LOG_DIR=folder,
        LOG_ROTATION=False,
        INDEX_FILE=f"{folder}/index",
        CARBONLINK_HOSTS=[os.environ["CARBON_LINK"]],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )
    sys.modules[settings.__name__] = settings
    os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
    os.environ["GRAPHITE_SETTINGS_MODULE"] = settings.__name__
    application = importlib.import_module("django.core.wsgi").get_wsgi_application()
    with make_server("127.0.0.1", port, application, handler_class=Quiet) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
