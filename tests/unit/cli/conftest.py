"""A service file to deploy."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def service_file(tmp_path: Path) -> Path:
    path = tmp_path / "service.yaml"
    path.write_text("application: shop\nrun: ./serve --port $PORT\nlisten: 8080\n")
    return path
