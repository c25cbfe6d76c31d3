"""Canary statistics: pure. May be imported by the engine's activities and the API; numpy and scipy
are imported here only.
"""
