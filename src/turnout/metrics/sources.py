"""All sources as one: a query goes to the source of its type and, where there are several accounts
of that type, to the one that it names or the one that is the default.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from turnout.metrics.accounts import TYPES, Account
from turnout.metrics.caller import Caller
from turnout.metrics.cloudwatch import CloudWatchStore
from turnout.metrics.datadog import DatadogStore
from turnout.metrics.graphite import GraphiteStore
from turnout.metrics.influxdb import InfluxDbStore
from turnout.metrics.newrelic import NewRelicStore
from turnout.metrics.prometheus import PrometheusStore
from turnout.metrics.source import Store, StoreSource
from turnout.metrics.templates import refused
from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Permanent
from turnout.model.samples import Series
from turnout.model.words import nearest
from turnout.ports import Clock, MetricSource

_STORES: Mapping[str, Callable[[Account], Store]] = {
    "prometheus": lambda account: PrometheusStore(account.options["scope_label"]),
    "influxdb": lambda account: InfluxDbStore(account.options["database"]),
    "graphite": lambda _: GraphiteStore(),
    "datadog": lambda _: DatadogStore(),
    "newrelic": lambda account: NewRelicStore(
        account.options.get("scope_key", ""), account.options.get("location_key", "")
    ),
    "cloudwatch": lambda account: CloudWatchStore(account.options["region"]),
}


@dataclass(frozen=True, slots=True)
class _Opened:
    account: Account
    caller: Caller
    source: MetricSource


class Sources:
    """A `MetricSource` for every type of query that can be answered here."""

    def __init__(self, opened: Iterable[_Opened], own: Mapping[str, MetricSource]) -> None:
        self._opened = tuple(opened)
        self._own = own

    @property
    def types(self) -> tuple[str, ...]:
        """Types of queries that have a source, sorted."""
        return tuple(sorted({*self._own, *(one.account.type for one in self._opened)}))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with sources that answer, as sentences for people."""
        return tuple(
            f"The clock of {one.account.name} is {_ahead(one.caller)} ours: its figures belong "
            "to other moments than they say. Set both clocks by a time server."
            for one in self._opened
            if one.caller.skew is not None
        )

    def describe(self, query: Query, scope: CanaryScope, templates: Mapping[str, str]) -> str:
        return self._choose(query).describe(query, scope, templates)

    async def fetch(
        self, query: Query, scope: CanaryScope, templates: Mapping[str, str]
    ) -> tuple[Series, ...]:
        try:
            source = self._choose(query)
        except InvalidDocument as error:
            raise Permanent(error.message) from error
        return await source.fetch(query, scope, templates)

    def _choose(self, query: Query) -> MetricSource:
        """Raises `InvalidDocument` when there is no source, or when several could be meant."""
        if query.type in self._own:
            return self._own[query.type]
        fitting = {one.account.name: one for one in self._opened if one.account.type == query.type}
        if not fitting:
            raise refused("query.type", self._no_source(query.type))
        named = getattr(query, "account", None)
        if named:
            if named not in fitting:
                known = ", ".join(fitting)
                said = f"there is no account {named!r} of type {query.type}; there are {known}"
                raise refused("query.account", said, nearest(named, fitting))
            return fitting[named].source
        default = [one for one in fitting.values() if one.account.is_default]
        chosen = default or list(fitting.values())
        if len(chosen) > 1:
            raise refused(
                "query.account",
                f"is missing: there are {', '.join(fitting)}; or mark one of them as default",
            )
        return chosen[0].source

    def _no_source(self, kind: str) -> str:
        known = ", ".join(self.types) or "none"
        if kind in TYPES:
            return f"no source for {kind}: no account of this type; there are sources for {known}"
        return f"no source for {kind}: it is not supported; there are sources for {known}"


@asynccontextmanager
async def open_sources(
    accounts: Iterable[Account], clock: Clock, own: Mapping[str, MetricSource] | None = None
) -> AsyncIterator[Sources]:
    """The sources of these accounts, and those of our own (`router`, `process`) by type. Nothing
    is asked before it is needed."""
    async with AsyncExitStack() as stack:
        opened = []
        for account in accounts:
            caller = await stack.enter_async_context(Caller(account, clock))
            source = StoreSource(_STORES[account.type](account), caller)
            opened.append(_Opened(account, caller, source))
        yield Sources(opened, own or {})


def _ahead(caller: Caller) -> str:
    seconds = round(caller.skew.total_seconds()) if caller.skew else 0
    return f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'}"
