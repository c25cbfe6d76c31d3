"""How much memory the processes of a whole Turnout use, by what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from tests.e2e.plant import Found, Plant

SERVER, TEMPORAL, ENVOY, SHIMS, SERVICES = (
    "server (API, engine, probes)",
    "Temporal",
    "Envoy",
    "shims",
    "services",
)
OURS = (SERVER, TEMPORAL, ENVOY, SHIMS)
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Use:
    """What processes of one kind use together, in MB.

    `pss` shares out pages that several processes have in common, so sums of it are true; `rss`
    counts them in each.
    """

    processes: int = 0
    pss: float = 0.0
    rss: float = 0.0

    def __add__(self, other: Use) -> Use:
        return Use(self.processes + other.processes, self.pss + other.pss, self.rss + other.rss)


def count(plant: Plant) -> dict[str, Use]:
    """What each kind uses now."""
    uses = dict.fromkeys((*OURS, SERVICES), Use())
    for found in plant.find():
        try:
            memory = psutil.Process(found.pid).memory_full_info()
        except psutil.NoSuchProcess:
            continue
        kind = _kind(found, plant)
        uses[kind] += Use(1, memory.pss / MB, memory.rss / MB)
    return uses


def total(uses: Mapping[str, Use]) -> Use:
    """All that is Turnout: everything but the services that it runs."""
    return sum((uses[kind] for kind in OURS), Use())


def _kind(found: Found, plant: Plant) -> str:
    if found.pid == plant.pid:
        return SERVER
    words = found.command.split()
    if any(word.endswith("/shim.sh") for word in words[:2]):
        return SHIMS
    name = words[0].rpartition("/")[2] if words else ""
    return {"temporal": TEMPORAL, "envoy": ENVOY}.get(name, SERVICES)
