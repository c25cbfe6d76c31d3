"""The demo's own folder, which ends with it, and where the shop's program comes from."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from turnout.demo.errors import DemoFailed

APP = "app.py"
_PACKAGED = Path(__file__).with_name("shop")
"""Where an installed wheel has what a checkout has in `examples/shop` (see `pyproject.toml`)."""

_CHECKOUT = Path(__file__).parents[3] / "examples" / "shop"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything that the demo writes is in here."""

    folder: Path

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server says about itself."""
        return self.folder / "server.log"

    @property
    def shop(self) -> Path:
        """Where the instances run."""
        return self.folder / "shop"

    @property
    def service_file(self) -> Path:
        """The file that is deployed."""
        return self.shop / "service.yaml"


@contextmanager
def open_workspace() -> Iterator[Workspace]:
    """A new folder with the shop's program in it; gone at the end. Raises `DemoFailed`."""
    with tempfile.TemporaryDirectory(prefix="turnout-demo-", ignore_cleanup_errors=True) as name:
        workspace = Workspace(Path(name))
        workspace.shop.mkdir()
        shutil.copyfile(find_app(), workspace.shop / APP)
        yield workspace


def find_app() -> Path:
    """The shop's program. Raises `DemoFailed` when this installation does not have it."""
    for folder in (_PACKAGED, _CHECKOUT):
        if (folder / APP).is_file():
            return folder / APP
    raise DemoFailed(f"The demo's shop is missing: neither {_PACKAGED} nor {_CHECKOUT} has {APP}.")
