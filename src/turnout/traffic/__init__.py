"""How users' requests are shared out, and what the router counted. One package per kind of router.

Adapters of the ports `Router`, `Drainer` and `Metrics`. Imported by the server, which wires them
up; they do not know the engine, the providers or the store.
"""
