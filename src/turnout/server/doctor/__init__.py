"""Looks at everything that Turnout needs, and says what to do where something is not well.

Works with and without a running server, and changes nothing. One file for what the host must have,
one for the parts that may be running.
"""

from turnout.server.doctor.examination import examine, run

__all__ = ["examine", "run"]
