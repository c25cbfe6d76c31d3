"""The HTTP API: what people and programs may ask of Turnout, and how it answers.

Translates between HTTP and the ports, and decides nothing. Imported by the server only; imports
`documents`, `strategies`, `ports` and `model`. Knows FastAPI; nobody else does.
"""
