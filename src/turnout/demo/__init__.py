"""The demo: six versions of a small shop under load, two of which fail their users.

Starts a real server as a process of its own, in a folder that ends with the demo, talks HTTP to it
like the command line does, and counts what users get with the load of `turnout.testing`. Imported
by the command line, when `turnout demo` runs, and by nobody else.
"""

from turnout.demo.running import run

__all__ = ["run"]
