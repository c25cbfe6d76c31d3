"""The sequential canary judge: may be asked after every step, with a bound on the false alarms of
the whole canary. Pure. Imported by the engine's activities and the API, when they need it: it
brings numpy and scipy.
"""

from turnout.analysis.sequential.judge import advance, history, start
from turnout.analysis.sequential.metric import (
    Direction,
    EventSteps,
    GaugeSteps,
    Kind,
    LatencySteps,
    Metric,
    Scale,
    Steps,
)
from turnout.analysis.sequential.outcome import (
    Answer,
    Finding,
    MetricVerdict,
    Samples,
    Verdict,
)
from turnout.analysis.sequential.progress import Point
from turnout.analysis.sequential.state import State, dump, load
from turnout.analysis.sequential.verdicts import finish, verdict

__all__ = [
    "Answer",
    "Direction",
    "EventSteps",
    "Finding",
    "GaugeSteps",
    "Kind",
    "LatencySteps",
    "Metric",
    "MetricVerdict",
    "Point",
    "Samples",
    "Scale",
    "State",
    "Steps",
    "Verdict",
    "advance",
    "dump",
    "finish",
    "history",
    "load",
    "start",
    "verdict",
]
