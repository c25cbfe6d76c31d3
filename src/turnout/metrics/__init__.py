"""Figures from metrics systems: one file for each store, which knows how it is asked and what its
answers mean; one (`caller`) that sends; one (`accounts`) for where the stores are. Side by side
with the other adapters; only the server imports this package.

`open_sources` gives all of them as one source.
"""

from turnout.metrics.accounts import Account, read_accounts
from turnout.metrics.sources import Sources, open_sources

__all__ = ["Account", "Sources", "open_sources", "read_accounts"]
