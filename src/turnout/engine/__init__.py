"""Durable execution: one deployment at a time per cluster, through every crash. Only here is
Temporal known.

`workflows` decides, `activities` does, `operations` knows how, `client` is what the API talks to,
`service` starts it all. May be imported by `server` and `api`.
"""
