"""Measures Turnout with its real parts: the server, Envoy, Temporal, real instances, real requests.

One module, one benchmark: `scripts/bench NAME`, or `scripts/bench` for all of them. Each prints
tables, says which of its goals it reached, and writes JSON. Stands on the same legs as the tests of
Turnout as a whole (`tests/e2e`): a whole Turnout on a temporary folder, gone afterwards.
"""
