"""Where server groups run, one package per kind of target.

Adapters of the ports `Provider` and `Inventory`. Imported by the server, which wires them up; they
do not know the engine, the router or the store.
"""
