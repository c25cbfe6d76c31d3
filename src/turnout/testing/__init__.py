"""The ports in memory, for tests: ours, and those of whoever writes a plug-in.

They behave like the real adapters (the contract tests see to it) and know only `turnout.ports` and
`turnout.model`.
"""

from turnout.testing.analyst import MemoryAnalyst
from turnout.testing.canaries import MemoryCanaryArchive
from turnout.testing.checks import MemoryChecker
from turnout.testing.journal import MemoryJournal
from turnout.testing.servers import MemoryProvider
from turnout.testing.traffic import MemoryDrainer, MemoryMetrics, MemoryRouter
from turnout.testing.world import MemoryClock, World

__all__ = [
    "MemoryAnalyst",
    "MemoryCanaryArchive",
    "MemoryChecker",
    "MemoryClock",
    "MemoryDrainer",
    "MemoryJournal",
    "MemoryMetrics",
    "MemoryProvider",
    "MemoryRouter",
    "World",
]
