"""Drives the pure machine and the real operations through every sequence of outcomes, to a bound.

A node is everything that counts: the deployment's progress, the world, commands still on their
way, and how much more may go wrong. From each node every outcome of the due step leads on: it
succeeds; one of its calls to the outside fails before its effect, or after it, and is repeated (as
after a restart of the control plane) or given up; a call is lost and lands at any later moment; a
check fails or cannot be made; readiness never comes. Between steps instances die and people
cancel. Nodes that are alike are visited once, so the search ends.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from turnout.engine.operations import OperationContext, Operations
from turnout.model.analysis import AnalysisVerdict
from turnout.model.checks import Verdict
from turnout.model.deployment import Choice, Request, Status
from turnout.model.errors import Temporary
from turnout.model.plan import Analyse, AwaitReady, Delay, Plan, RunChecks, Step, StepAnswer, Watch
from turnout.ports import GroupWish, Order
from turnout.strategies import plan_deployment
from turnout.strategies import progress as machine
from turnout.strategies.progress import Phase, Progress
from turnout.testing import (
    MemoryAnalyst,
    MemoryChecker,
    MemoryClock,
    MemoryDrainer,
    MemoryJournal,
    MemoryMetrics,
    MemoryProvider,
    MemoryRouter,
    World,
)

T = TypeVar("T")

CHANGES = frozenset(
    {
        "apply_group",
        "apply_size",
        "apply_pin",
        "apply_cold_at",
        "apply_destroyed",
        "apply_listener",
        "apply_split",
        "confirm_split",
    }
)
"""Calls that can go wrong. Endpoints are told again and again, so a lost telling mends itself."""

LATE = CHANGES - {"confirm_split", "apply_listener"}
"""Calls that may land late. A listener is opened and closed inside the process that asked."""


@dataclass(frozen=True)
class Late:
    """A command that was sent and not yet obeyed."""

    port: str
    method: str
    arguments: tuple[Any, ...] = field(compare=False)
    told: str

    def is_fenced_off(self, world: World) -> bool:
        """Whether a later command to the same group has been obeyed meanwhile."""
        order = self.arguments[-1]
        if not isinstance(order, Order):
            return False
        subject = self.arguments[0]
        name = subject.name if isinstance(subject, GroupWish) else subject
        last = world.orders.get(name)
        return last is not None and order.number < last.number


@dataclass(frozen=True)
class Budget:
    """How much may go wrong in one run."""

    faults: int = 2
    deaths: int = 1
    cancels: int = 1


@dataclass(frozen=True)
class Node:
    progress: Progress
    world: World
    late: tuple[Late, ...]
    left: Budget
    trail: tuple[str, ...] = field(compare=False, default=())

    def key(self) -> tuple[Any, ...]:
        """Equal for nodes from which the same can happen."""
        p, w = self.progress, self.world
        return (
            p.status,
            p.phase,
            tuple(s.id for s in p.todo),
            p.attempted,
            p.tries,
            p.generation,
            p.moved_at is None,
            p.canceled,
            p.question.choices if p.question else None,
            p.final,
            _world_key(w),
            tuple((late, late.is_fenced_off(w)) for late in self.late),
            self.left,
        )


def _world_key(w: World) -> tuple[Any, ...]:
    groups = tuple(
        (g.name, g.desired, g.pin, g.cold_at is None, tuple(i.state for i in g.instances))
        for g in sorted(w.groups.values(), key=lambda g: g.name)
    )
    listeners = tuple(
        (name, s.listener.port, tuple(s.split.shares.items()), s.split.generation, s.previous)
        for name, s in sorted(w.listeners.items())
    )
    return groups, listeners, w.tombstones, w.broken, tuple(sorted(w.holds.items()))


@dataclass
class Faults:
    """What is to go wrong with the calls of one operation: the `at`-th one, in this way."""

    at: int = -1
    kind: str = ""
    calls: int = 0
    lost: Late | None = None


class Hooked:
    """A port whose changing calls can be made to go wrong."""

    def __init__(self, port: object, name: str, faults: Faults) -> None:
        self._port, self._name, self._faults = port, name, faults

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._port, method)
        if method not in CHANGES:
            return call

        async def hooked(*arguments: Any) -> Any:
            faults = self._faults
            mine, faults.calls = faults.calls, faults.calls + 1
            if mine != faults.at:
                return await call(*arguments)
            if faults.kind == "after":
                await call(*arguments)
            if faults.kind == "late":
                faults.lost = Late(self._name, method, arguments, repr(arguments))
            raise Temporary(f"{method} failed {faults.kind} its effect")

        return hooked


class QuietJournal(MemoryJournal):
    """Writes nothing down but holds, which are part of the world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def record_split(self, record: object) -> None: ...

    async def record_check(self, record: object) -> None: ...

    async def record_hold(self, cluster: str, reason: str) -> None:
        self._world.holds[cluster] = reason

    async def observe_hold(self, cluster: str) -> str:
        return self._world.holds.get(cluster, "")


LONGEST = 400
"""More steps than any walk needs: its budget is spent by then."""

Rule = Callable[[Node, Node], str | None]
"""Looks at a node and the one before it; says what is broken."""


class Broken(AssertionError):
    """A safety rule does not hold, with the way that led there."""


@dataclass
class Exploration:
    """What a search has seen."""

    ends: dict[Status, int] = field(default_factory=dict)
    successors: list[list[int]] = field(default_factory=list)
    """Of each node, by number: the nodes that may follow. Nodes are numbered as they are found."""
    ended: list[int] = field(default_factory=list)

    @property
    def states(self) -> int:
        """How many nodes there are."""
        return len(self.successors)


class Explorer:
    """Explores one request in one world."""

    def __init__(
        self,
        world: World,
        request: Request,
        *,
        rules: tuple[Rule, ...],
        budget: Budget,
        alter: Callable[[Plan], Plan] = lambda plan: plan,
    ) -> None:
        self.start, self.request = world, request
        self.rules, self.budget = rules, budget
        self.alter = alter
        """Changes the plan: to see whether a rule notices a bad one."""
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def run(self) -> Exploration:
        """Visit every node. Raises `Broken` at the first rule that does not hold."""
        with self, _without_collections():
            return self._search()

    def first(self) -> Node:
        """Where every walk starts."""
        begun = machine.begin(self.plan(), self.request, self.start.now)
        return Node(begun, self.start, (), self.budget)

    def step(self, before: Node, after: Node) -> Node:
        """Go from one node to the next. Raises `Broken`."""
        self._judge(before, after)
        return after

    def clean(self, node: Node) -> Node:
        """What follows when nothing goes wrong."""
        return next(self._outcomes(node))

    def decided(self, node: Node, choice: Choice) -> Node:
        """What follows an answer to the question."""
        then = machine.decide(node.progress, choice, node.world.now)
        return self._after(node, f"a person says {choice}", progress=then)

    def finish(self, node: Node) -> Node:
        """Nothing more goes wrong and nobody answers: it ends. Only where instances have died for
        good it may try again for ever. Raises `Broken`.
        """
        for _ in range(LONGEST):
            question = node.progress.question
            if node.progress.status.is_end:
                return node
            if question is not None and question.default == Choice.RETRY and node.world.broken:
                return node
            after = self.decided(node, question.default) if question else self.clean(node)
            node = self.step(node, after)
        raise Broken("rule 5: it neither ends nor asks:\n  " + "\n  ".join(node.trail[-20:]))

    def plan(self) -> Plan:
        """The plan from the world as it is at first."""
        operations, _ = self._operations(self.start.copy(), Faults())
        state = _complete(operations.observe(self.request.cluster))
        return self.alter(plan_deployment(self.request, state))

    def _search(self) -> Exploration:
        first = self.first()
        numbers, found = {first.key(): 0}, Exploration()
        queue = deque([first])
        while queue:
            node = queue.popleft()
            if node.progress.status.is_end:
                found.ended.append(found.states)
                found.ends[node.progress.status] = found.ends.get(node.progress.status, 0) + 1
            followers: list[int] = []
            for after in self.successors(node):
                self._judge(node, after)
                known = len(numbers)
                number = numbers.setdefault(after.key(), known)
                if number == known:
                    queue.append(after)
                followers.append(number)
            found.successors.append(followers)
        return found

    def _judge(self, before: Node, after: Node) -> None:
        for rule in self.rules:
            broken = rule(before, after)
            if broken:
                trail = "\n  ".join(after.trail)
                raise Broken(f"{broken}\nThe way there:\n  {trail}")

    def successors(self, node: Node) -> Iterator[Node]:
        """Every node that may follow."""
        yield from self._late_arrivals(node)
        if node.progress.status.is_end:
            return
        if node.progress.question is not None:
            yield from self._decisions(node)
            return
        yield from self._deaths(node)
        yield from self.cancels(node)
        yield from self._outcomes(node)

    def _late_arrivals(self, node: Node) -> Iterator[Node]:
        for late in node.late:
            world = node.world.copy()
            port = MemoryProvider(world) if late.port == "provider" else MemoryRouter(world)
            call = getattr(port, late.method)(*late.arguments)
            try:
                _complete(call)
                told = f"late {late.method} obeyed"
            except Exception as error:
                told = f"late {late.method} refused: {error}"
            rest = tuple(other for other in node.late if other is not late)
            yield self._after(node, told, world=world, late=rest)

    def _decisions(self, node: Node) -> Iterator[Node]:
        question = node.progress.question
        assert question is not None
        for choice in question.choices:
            yield self.decided(node, choice)

    def _deaths(self, node: Node) -> Iterator[Node]:
        if not node.left.deaths:
            return
        left = replace(node.left, deaths=node.left.deaths - 1)
        for group in node.world.cluster_groups(self.request.cluster):
            for comes_back in (True, False):
                world = node.world.copy()
                world.kill(group.name, comes_back=comes_back)
                told = f"{group.name} dies" + ("" if comes_back else " for good")
                yield self._after(node, told, world=world, left=left)

    def cancels(self, node: Node) -> Iterator[Node]:
        """Somebody cancels now, before the due step or while it waits."""
        if not node.left.cancels or machine.may_cancel(node.progress):
            return
        left = replace(node.left, cancels=node.left.cancels - 1)
        then = machine.cancel(node.progress, "a person cancels", node.world.now)
        yield self._after(node, "cancel", progress=then, left=left)
        begun = machine.attempt(node.progress)
        step = machine.due(begun)
        if isinstance(step.operation, AwaitReady | Watch | RunChecks | Analyse):
            then = machine.cancel(begun, "a person cancels", node.world.now)
            yield self._after(node, f"cancel during {step.id}", progress=then, left=left)

    def _outcomes(self, node: Node) -> Iterator[Node]:
        begun = machine.attempt(node.progress)
        step = machine.due(begun)
        if isinstance(step.operation, Delay):
            yield self._answered(node, begun, node.world.copy(), StepAnswer(ok=True), step.id)
            return
        world = node.world.copy()
        answer, faults = self._perform(step, begun, world)
        yield self._answered(node, begun, world, answer, f"{step.id}: ok={answer.ok}")
        if not node.left.faults:
            return
        left = replace(node.left, faults=node.left.faults - 1)
        for at in range(faults.calls):
            for kind in ("before", "after", "late"):
                yield from self._fault(node, begun, step, at, kind, left)
        yield from self._bad_news(node, begun, step, left)

    def _fault(
        self, node: Node, begun: Progress, step: Step, at: int, kind: str, left: Budget
    ) -> Iterator[Node]:
        world = node.world.copy()
        faults = Faults(at=at, kind=kind)
        answer, faults = self._perform(step, begun, world, faults)
        lost = faults.lost
        if kind == "late" and (lost is None or lost.method not in LATE):
            return
        late = (*node.late, lost) if lost else node.late
        told = f"{step.id}: call {at} goes wrong ({kind})"
        yield self._answered(
            node, begun, world.copy(), answer, f"{told}, given up", left=left, late=late
        )
        again, _ = self._perform(step, begun, world)
        yield self._answered(node, begun, world, again, f"{told}, repeated", left=left, late=late)

    def _bad_news(self, node: Node, begun: Progress, step: Step, left: Budget) -> Iterator[Node]:
        """A step that only looks sees something bad."""
        match step.operation:
            case AwaitReady():
                answers = [StepAnswer(ok=False, sentence="not ready at the deadline")]
            case RunChecks() | Watch():
                answers = [self._check(node, begun, step, v) for v in Verdict if v != "pass"]
                answers.append(StepAnswer(ok=False, sentence="no healthy instance", dead=True))
            case Analyse():
                answers = [
                    self._analysis(node, begun, step, v)
                    for v in AnalysisVerdict
                    if v.is_end and v != "pass"
                ]
                answers += [StepAnswer(ok=False, sentence="no healthy instance", dead=True)]
            case _:
                return
        for answer in answers:
            told = f"{step.id}: {answer.sentence}"
            yield self._answered(node, begun, node.world.copy(), answer, told, left=left)

    def _check(self, node: Node, begun: Progress, step: Step, verdict: Verdict) -> StepAnswer:
        operation = step.operation
        assert isinstance(operation, RunChecks | Watch)
        checker = MemoryChecker({check.name: verdict for check in operation.checks})
        answer, _ = self._perform(step, begun, node.world.copy(), checker=checker)
        return answer

    def _analysis(
        self, node: Node, begun: Progress, step: Step, verdict: AnalysisVerdict
    ) -> StepAnswer:
        analyst = MemoryAnalyst(AnalysisVerdict.RUNNING, verdict)
        answer, _ = self._perform(step, begun, node.world.copy(), analyst=analyst)
        return answer

    def _answered(
        self,
        node: Node,
        begun: Progress,
        world: World,
        answer: StepAnswer,
        told: str,
        **changes: Any,
    ) -> Node:
        then = machine.advance(begun, answer, self.start.now)
        return self._after(node, told, progress=then, world=world, **changes)

    def _after(self, node: Node, told: str, **changes: Any) -> Node:
        world = changes.get("world")
        if world is not None:
            world.now, world.elapsed = self.start.now, timedelta(0)
        return replace(node, trail=(*node.trail, told), **changes)

    def _perform(
        self,
        step: Step,
        begun: Progress,
        world: World,
        faults: Faults | None = None,
        checker: MemoryChecker | None = None,
        analyst: MemoryAnalyst | None = None,
    ) -> tuple[StepAnswer, Faults]:
        """The step as the engine does it; when a call goes wrong, an answer that is not ok."""
        operations, faults = self._operations(world, faults or Faults(), checker, analyst)
        context = OperationContext(
            deployment=self.request.id,
            cluster=self.request.cluster,
            step=step.id,
            number=begun.number,
            moved_at=begun.moved_at,
        )
        work = operations.perform(step.operation, context, lambda said: None)
        try:
            if isinstance(step.operation, Watch | Analyse):  # they have tasks of their own
                answer = self._loop.run_until_complete(work)
            else:
                answer = _complete(work)
        except Temporary as error:
            answer = StepAnswer(ok=False, sentence=error.message)
        return answer, faults

    def _operations(
        self,
        world: World,
        faults: Faults,
        checker: MemoryChecker | None = None,
        analyst: MemoryAnalyst | None = None,
    ) -> tuple[Operations, Faults]:
        journal = QuietJournal(world)
        provider: Any = Hooked(MemoryProvider(world), "provider", faults)
        router: Any = Hooked(MemoryRouter(world), "router", faults)
        operations = Operations(
            provider=provider,
            router=router,
            drainer=MemoryDrainer(),
            metrics=MemoryMetrics(world),
            checker=checker or MemoryChecker(),
            analyst=analyst or MemoryAnalyst(),
            journal=journal,
            archive=journal,
            clock=MemoryClock(world),
        )
        return operations, faults


def _complete(work: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing but its turn: without an event loop, which would take longer than
    the work itself."""
    while True:
        try:
            waits_for = work.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        assert waits_for is None, f"it waits for {waits_for}"


@contextmanager
def _without_collections() -> Iterator[None]:
    """Nodes are kept to the end: looking through them for garbage again and again is a third of
    the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def stuck(found: Exploration) -> int:
    """How many nodes have no way to an end."""
    before: list[list[int]] = [[] for _ in range(found.states)]
    for number, followers in enumerate(found.successors):
        for follower in followers:
            before[follower].append(number)
    reached, queue = set(found.ended), deque(found.ended)
    while queue:
        for number in before[queue.popleft()]:
            if number not in reached:
                reached.add(number)
                queue.append(number)
    return found.states - len(reached)


def is_forward(node: Node) -> bool:
    """Whether everything can still be taken back."""
    return node.progress.phase is not Phase.RETIRING and not node.progress.status.is_end
