"""How a deployment proceeds: pure planners, one file per strategy, and the machine that carries a
plan out.

A planner turns a request and the observed state of a cluster into a `Plan`. `progress` says which
step is due and,
from its answer, what follows, the way back included. Values in, values out: no clock, no random, no
input or output. May import `model` only; `engine` and tests import it.
"""

from turnout.strategies.planning import plan_deployment

__all__ = ["plan_deployment"]
