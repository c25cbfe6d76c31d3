"""Decisions only: what is due for a cluster, as Temporal workflows.

Runs in Temporal's sandbox: no clock, chance, file or network but Temporal's. Imported by the
worker alone.
"""
