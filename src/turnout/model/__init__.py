"""The nouns of Turnout: frozen values and the rules that they keep by themselves.

Pure: no clock, no random, no files, no network. Everybody may import this package; it imports
nothing of Turnout.
"""
