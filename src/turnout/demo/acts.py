"""The six versions of the show: their service files, and how fast it goes. Pure."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass

CLUSTER = "shop"

_FILE = string.Template(
    """\
# The shop of the demo. Deploy it as another version: turnout deploy service.yaml --version 7
application: shop
version: "$version"
run:
  command: [$python, app.py]
  environment:
    ERROR_RATE: "$error_rate" # 0.3: answers its probe, but fails three users in ten
instances: 2
port: $port
health: /healthz
strategy:
  $strategy:
$options
"""
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the show stays at its stations, as durations of a service file and in seconds."""

    calm: float
    """Between two versions, for the load to be looked at."""
    watch: str
    step_hold: str
    last_watch: str
    """At most so long for the version that fails: its trip wires end it early."""
    canary: str
    """So long a canary that is fine is compared."""
    last_canary: str
    """At most so long one that is not: its verdict ends it early."""


LEISURELY = Pace(
    calm=3.0, watch="6s", step_hold="4s", last_watch="20s", canary="25s", last_canary="60s"
)
QUICK = Pace(
    calm=0.6, watch="1s", step_hold="500ms", last_watch="15s", canary="8s", last_canary="60s"
)


@dataclass(frozen=True, slots=True)
class Act:
    """One version, and how it is brought."""

    version: str
    way: str
    """In words, for the table."""
    headline: str
    text: str
    """The service file."""
    fails: bool = False
    """Whether it is the one that fails its users."""


def build_acts(pace: Pace, *, python: str, port: int) -> tuple[Act, ...]:
    """The versions in their order."""

    def file(version: str, strategy: str, error_rate: str = "0", **options: str) -> str:
        return _FILE.substitute(
            version=version,
            strategy=strategy,
            error_rate=error_rate,
            port=port,
            python=json.dumps(python),
            options="\n".join(f"    {name}: {value}" for name, value in options.items()),
        )

    # The machine of a demo may be busy. Slow answers are then not the version's fault: only failed
    # ones count.
    wires = "[trip_wires: {latency_increase: 1m}]"
    canary = {
        "traffic": "10%",
        "canary_instances": "2",
        "warmup": "1s",
        "interval": "1s",
        "on_inconclusive": "fail",  # nobody is there to be asked
    }
    steps = {"steps": "[10%, 25%, 50%, 100%]", "step_hold": pace.step_hold, "checks": wires}
    return (
        Act(
            "1",
            "first deployment",
            "Version 1, the first one: start it, wait until it is healthy, let users in",
            file("1", "blue_green", keep="2"),
        ),
        Act(
            "2",
            "blue/green",
            "Version 2 by blue/green: start it beside version 1, then move all users",
            file("2", "blue_green", watch=pace.watch, watch_checks=wires),
        ),
        Act(
            "3",
            "rolling blue/green",
            "Version 3 by rolling blue/green: the same, but users follow step by step",
            file("3", "rolling_blue_green", **steps, watch=pace.watch, watch_checks=wires),
        ),
        Act(
            "4",
            "blue/green",
            "Version 4 is broken: its health probe says 200, but it fails three users in ten",
            file("4", "blue_green", error_rate="0.3", watch=pace.last_watch, watch_checks=wires),
            fails=True,
        ),
        Act(
            "5",
            "canary",
            "Version 5 by canary: one user in ten tries it, beside a fresh copy of version 3",
            file("5", "canary", **canary, duration=pace.canary),
        ),
        Act(
            "6",
            "canary",
            "Version 6 fails only one user in twenty. How many until its canary is caught?",
            file("6", "canary", error_rate="0.05", **canary, duration=pace.last_canary),
            fails=True,
        ),
    )


def build_good_file(pace: Pace, *, python: str, port: int) -> str:
    """The file that is left for trying things out: like version 5, by blue/green."""
    acts = build_acts(pace, python=python, port=port)
    return acts[1].text.replace('version: "2"', 'version: "5"', 1)
