"""The command line: one file per noun, speaking to a server over its HTTP API and nothing else.

Nobody imports it. Commands import what they need when they run, so that `turnout --help` stays
fast; `turnout server` and `turnout demo` are the only ones that load more than an HTTP client.
"""
