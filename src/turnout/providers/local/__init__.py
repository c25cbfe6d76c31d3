"""Server groups as processes of this host.

Instances run under shims and outlive every Turnout process; all that must be known of them is on
disk, so that the next Turnout goes on where the last one was.
"""

from turnout.providers.local.gauges import InstanceGauges, ProcessSource
from turnout.providers.local.provider import LocalProvider

__all__ = ["InstanceGauges", "LocalProvider", "ProcessSource"]
