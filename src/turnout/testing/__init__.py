"""The ports in memory, for tests: ours, and those of whoever writes a plug-in.

They behave like the real adapters (the contract tests see to it) and know only `turnout.ports` and
`turnout.model`.
"""

from turnout.testing.journal import MemoryJournal

__all__ = ["MemoryJournal"]
