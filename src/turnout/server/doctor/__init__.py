"""Looks at everything that Turnout needs and at the clusters that run, and says what to do where
something is not well.

Works with and without a running server, and changes nothing. One file for what the host must have,
one for the parts that may be running, two that look at the clusters of a running server and their
listeners, and one that judges what was seen of them.
"""

from turnout.server.doctor.clusters import Sources
from turnout.server.doctor.examination import examine, run
from turnout.server.doctor.listeners import observe_shut

__all__ = ["Sources", "examine", "observe_shut", "run"]
