"""Load on an HTTP service, with every request accounted for.

`Load` sends at a steady rate whatever the service does (open loop), so a stall shows in the
latencies instead of in fewer requests. `closed_loop` sends as fast as answers come. `LoadProcess`
is a `Load` in a process of its own, as is `python -m turnout.testing.load`. All of them give a
`Report`. Plain HTTP/1.1 over kept-alive connections; no TLS, no redirects, no pipelining.
"""

from turnout.testing.load.closed import closed_loop
from turnout.testing.load.process import LoadProcess
from turnout.testing.load.report import Answer, Report, merge
from turnout.testing.load.steady import Load

__all__ = ["Answer", "Load", "LoadProcess", "Report", "closed_loop", "merge"]
