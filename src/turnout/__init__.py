"""Turnout: continuous delivery that proves where traffic goes, and brings it back by itself."""

__version__ = "0.1.0"
