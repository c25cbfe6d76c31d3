"""Figures over time, kept on disk for days: what was counted or measured, moment by moment.

    looks (all groups at one moment) ──> pages (a minute, one line) ──> files (an hour each)
    samples (one group) <── read by window <──┘          grid: samples laid onto steps

Used by whoever samples something: the router's counters, the instances' gauges. Nothing here
knows what the figures mean. May be imported by adapters and the server.
"""

from turnout.history.grid import Counts, Grid, Means
from turnout.history.history import History
from turnout.history.pages import Look, Sample, Values

__all__ = ["Counts", "Grid", "History", "Look", "Means", "Sample", "Values"]
