"""The composition root: settings to adapters to engine to API; starting and stopping.

The only package that knows all the others. Imported by `turnout server` and `turnout doctor`, when
they run.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnout.settings import Settings


def main(settings: Settings) -> int:
    """Run a server until it is told to end; returns the exit code of the process."""
    gc.disable()  # loading makes no garbage; switched on again when the server is ready
    from turnout.server import running  # noqa: PLC0415 - not all of a server needs all of it

    return running.main(settings)
