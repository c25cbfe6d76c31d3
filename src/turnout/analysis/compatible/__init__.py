"""A judge that gives the verdicts of Kayenta's `NetflixACAJudge-v1.0`, its surprises included.

Whoever moves from there keeps configurations and verdicts. What it judges badly, and why, is told
where it happens; the sequential judge does it better.
"""

from turnout.analysis.compatible.judge import judge

__all__ = ["judge"]
