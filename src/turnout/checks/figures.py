"""Figures out of the router's counters. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.model.checks import Figure
from turnout.model.traffic import GroupTraffic, histogram_quantile


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure in words."""

    label: str
    unit: str

    def show(self, value: float) -> str:
        """The value with its unit, without false precision."""
        return f"{value:.4g}{self.unit}"


READINGS: dict[Figure, Reading] = {
    "error_share": Reading("failed requests", " ‰"),
    "client_error_share": Reading("answers with 4xx", " ‰"),
    "p50_ms": Reading("p50 latency", " ms"),
    "p90_ms": Reading("p90 latency", " ms"),
    "p99_ms": Reading("p99 latency", " ms"),
    "requests": Reading("requests", ""),
}


def figure(name: Figure, traffic: GroupTraffic) -> float | None:
    """The value of a figure; None when there is nothing to say it from."""
    match name:
        case "error_share":
            return per_mille(traffic.failed, traffic.requests)
        case "client_error_share":
            return per_mille(traffic.client_errors, traffic.requests)
        case "p50_ms":
            return quantile(traffic, 0.5)
        case "p90_ms":
            return quantile(traffic, 0.9)
        case "p99_ms":
            return quantile(traffic, 0.99)
        case "requests":
            return float(traffic.requests)


def per_mille(part: int, whole: int) -> float | None:
    """A share in per mille; None of nothing."""
    return 1000 * part / whole if whole else None


def quantile(traffic: GroupTraffic, q: float) -> float | None:
    """The latency that a share `q` of the requests did not exceed, within its bucket in proportion.

    None without requests. In a bucket without an upper bound: its lower one.
    """
    return histogram_quantile(traffic.latency_ms, q)
