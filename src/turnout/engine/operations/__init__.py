"""What each operation of a plan does to the world, by way of the ports.

Knows no Temporal: the engine's activities call it, and so does the explorer in the tests. Every
operation may be
repeated safely. What is expected to happen is answered; only `Temporary` trouble is raised, to be
tried again.
"""

from turnout.engine.operations.endpoints import endpoints_of
from turnout.engine.operations.operations import OperationContext, Operations

__all__ = ["OperationContext", "Operations", "endpoints_of"]
