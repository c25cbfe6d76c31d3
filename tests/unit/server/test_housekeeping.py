from __future__ import annotations

from datetime import timedelta

from turnout.model.deployment import ClusterState, Kind, Request, Status
from turnout.model.journal import DeploymentRecord
from turnout.model.servers import GroupSettings, Run
from turnout.model.traffic import Listener
from turnout.ports import GroupWish, Order
from turnout.server.housekeeping import Cooling
from turnout.testing import MemoryClock, MemoryJournal, MemoryProvider, MemoryRouter, World


class Scene:
    """The group a-v000 is due to go cold; a-v001 serves."""

    def __init__(self) -> None:
        self.world = World(auto=True)
        self.clock = MemoryClock(self.world)
        self.provider, self.router = MemoryProvider(self.world), MemoryRouter(self.world)
        self.journal = MemoryJournal()
        self.submitted: list[Request] = []
        self.cooling = Cooling(
            submitter=self,
            provider=self.provider,
            inventory=self.provider,
            archive=self.journal,
            observe=self.observe,
            clock=self.clock,
        )

    async def prepare(self) -> None:
        order = Order(deployment="d", number=1)
        await self.router.apply_listener("a", Listener(cluster="a", port=8080))
        for name in ("a-v000", "a-v001"):
            wish = GroupWish(
                name=name,
                cluster="a",
                settings=GroupSettings(version="1", run=Run(command=("x",), folder="/")),
                instances=2,
                created_at=self.world.now,
            )
            await self.provider.apply_group(wish, order)
        await self.provider.apply_cold_at("a-v000", self.world.now + timedelta(hours=1), order)
        await self.serve("a-v001")

    async def serve(self, group: str) -> None:
        await self.router.apply_endpoints("a", {"a-v000": [], "a-v001": []})
        await self.router.apply_split("a", {group: 1000}, None, f"to {group}")

    async def observe(self, cluster: str) -> ClusterState:
        state = self.world.listeners[cluster]
        groups = (await self.provider.observe_groups(cluster)).groups
        return ClusterState(cluster=cluster, groups=groups, split=state.split)

    async def submit(self, request: Request) -> DeploymentRecord:
        self.submitted.append(request)
        return DeploymentRecord(request=request, status=Status.QUEUED, sentence="")

    async def look_after(self, passed: timedelta) -> list[tuple[Kind, str, int | None]]:
        self.world.now += passed
        await self.cooling.look()
        return [(r.kind, r.group, r.instances) for r in self.submitted]


async def test_a_disabled_group_goes_cold_at_its_time_and_not_before() -> None:
    scene = Scene()
    await scene.prepare()
    assert await scene.look_after(timedelta(minutes=59)) == []
    assert await scene.look_after(timedelta(minutes=1)) == [(Kind.RESIZE, "a-v000", 0)]
    assert scene.submitted[0].by == "turnout"


async def test_the_request_is_the_same_one_when_it_is_made_again_soon() -> None:
    scene = Scene()
    await scene.prepare()
    await scene.look_after(timedelta(hours=1))
    await scene.look_after(timedelta(seconds=5))
    await scene.look_after(timedelta(minutes=20))
    first, again, later = [r.id for r in scene.submitted]
    assert first == again != later


async def test_a_cold_group_is_left_alone() -> None:
    scene = Scene()
    await scene.prepare()
    await scene.provider.apply_size("a-v000", 0, Order(deployment="d", number=2))
    assert await scene.look_after(timedelta(hours=2)) == []


async def test_a_group_that_serves_again_forgets_its_time() -> None:
    """Else it would go cold the moment the next version takes over."""
    scene = Scene()
    await scene.prepare()
    await scene.serve("a-v000")
    assert await scene.look_after(timedelta(minutes=30)) == []
    await scene.serve("a-v001")
    assert await scene.look_after(timedelta(hours=2)) == []


async def test_nothing_goes_cold_during_a_deployment_of_its_cluster() -> None:
    scene = Scene()
    await scene.prepare()
    request = Request(id="x", kind=Kind.ROLLBACK, cluster="a", requested_at=scene.world.now)
    record = DeploymentRecord(request=request, status=Status.RUNNING, sentence="")
    await scene.journal.record_deployment(record)
    assert await scene.look_after(timedelta(hours=2)) == []
    done = record.model_copy(update={"status": Status.SUCCEEDED})
    await scene.journal.record_deployment(done)
    assert len(await scene.look_after(timedelta(0))) == 1
