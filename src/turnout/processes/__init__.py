"""Child processes that outlive Turnout: started under a tiny shim, found again, waited for, ended.

Used by everything that runs a program for longer than a call: instances, Envoy, the embedded
Temporal. Knows Linux only (`/proc`, pidfd). May be imported by adapters and the server.

Folder of one process: `launch` (its mark, written before it starts), `process` (pids and start
times, written by the shim), `exit` (the exit code, written by the shim). Each is written beside its
place and renamed into it.
"""

from turnout.processes.exits import format_exit
from turnout.processes.launching import adopt, launch, read_exit, recall
from turnout.processes.process import Process
from turnout.processes.rotation import rotate

__all__ = ["Process", "adopt", "format_exit", "launch", "read_exit", "recall", "rotate"]
