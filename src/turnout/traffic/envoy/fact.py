"""All that the router knows about one cluster, as one value."""

from __future__ import annotations

from datetime import datetime

from turnout.model.traffic import Endpoint, Listener, TrafficSplit
from turnout.model.value import Value
from turnout.ports import ListenerState


class ClusterFact(Value):
    """What shall hold for a cluster. It is written down before Envoy is told."""

    cluster: str
    listener: Listener | None = None
    split: TrafficSplit = TrafficSplit()
    previous: tuple[str, ...] = ()
    endpoints: dict[str, tuple[Endpoint, ...]] = {}
    requested_at: datetime | None = None
    """When the split was asked for. UTC."""

    @property
    def state(self) -> ListenerState | None:
        """The listener with its split; None when there is no listener."""
        if self.listener is None:
            return None
        return ListenerState(listener=self.listener, split=self.split, previous=self.previous)

    @property
    def groups(self) -> tuple[str, ...]:
        """The server groups that have endpoints or a share, sorted."""
        return tuple(sorted({*self.endpoints, *self.split.shares}))

    def with_split(self, split: TrafficSplit, at: datetime) -> ClusterFact:
        """The fact after another split, asked for at this time. Needs a listener."""
        if self.state is None:
            raise ValueError(f"{self.cluster} has no listener")
        previous = self.state.with_split(split).previous
        return self.model_copy(update={"split": split, "previous": previous, "requested_at": at})
