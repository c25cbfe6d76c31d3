"""What workflows decide, done: thin verbs over `operations` and the journal.

Knows how Temporal runs activities; knows no decisions. Imported by the worker alone.
"""

from turnout.engine.activities.clusters import ClusterActivities
from turnout.engine.activities.journalling import JournalActivities
from turnout.engine.activities.stepping import StepActivities
from turnout.engine.activities.writing import Writer

__all__ = ["ClusterActivities", "JournalActivities", "StepActivities", "Writer"]
