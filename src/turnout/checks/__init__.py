"""Checks of a server group, made from this host: requests, commands, and the router's own figures.

Fills the port `Checker`. A check that could not be made is the verdict `error`, tried again until
its timeout, and never `fail`. May be imported by the server; imports `ports`, `processes` and
`model`.
"""

from turnout.checks.checker import LocalChecker

__all__ = ["LocalChecker"]
