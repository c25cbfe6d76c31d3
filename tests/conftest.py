"""How properties are searched: the same examples in every run, so that no run fails by chance.

`pytest --hypothesis-profile=explore` tries other examples each time, and more of them.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is slow: neither an example nor the making of examples has a deadline.
settings.register_profile(
    "turnout",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", settings.get_profile("turnout"), derandomize=False, max_examples=1000
)
settings.load_profile("turnout")
