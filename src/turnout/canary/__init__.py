"""Canaries at work: fetch what was asked for, judge it, keep the evidence, tell what was found.

Statistics are in `turnout.analysis`, which is loaded with the first canary and not before.
"""
