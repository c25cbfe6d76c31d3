"""One instance: keeps its process running, asks how it is, and ends it."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path

import structlog

from turnout import processes
from turnout.model.errors import Temporary
from turnout.model.servers import GroupSettings, Instance, InstanceState
from turnout.processes import Process
from turnout.providers.local import facts, restarts
from turnout.providers.local.command import Launch, build_launch, build_variables
from turnout.providers.local.facts import SlotFact
from turnout.providers.local.output import Output
from turnout.providers.local.port_range import is_free
from turnout.providers.local.prober import Prober
from turnout.providers.local.probes import Target
from turnout.providers.local.site import Site

HOST = "127.0.0.1"
FACT = "slot.json"

_log = structlog.get_logger()

_LAST_LINES = 3
_RETRY = 1.0
"""Seconds after which supervising goes on when the machine refused something."""


class Slot:
    """A place for one instance: a folder, a port, and the process that runs there now."""

    def __init__(
        self,
        folder: Path,
        *,
        cluster: str,
        group: str,
        settings: GroupSettings,
        fact: SlotFact,
        site: Site,
    ) -> None:
        self.id = folder.name
        self.output = Output(folder / "output.log", max_bytes=site.max_log_bytes)
        self._folder = folder
        self._cluster = cluster
        self._group = group
        self._settings = settings
        self._site = site
        self._process = processes.adopt(folder)
        self._fact = fact if self._process or fact.hopeless else _without_process(fact)
        self._said = ""
        self._output_start = 0
        self._healthy_since: float | None = None
        self._is_leaving = fact.state is InstanceState.DRAINING
        self._supervision: asyncio.Task[None] | None = None
        self._recorded = fact
        self._recording = asyncio.Lock()

    # What others see

    @property
    def port(self) -> int:
        """Where it is told to listen."""
        return self._fact.port

    @property
    def is_draining(self) -> bool:
        """On its way out, for good."""
        return self._is_leaving

    @property
    def is_healthy(self) -> bool:
        """Gets traffic."""
        return self._fact.state is InstanceState.HEALTHY

    @property
    def running(self) -> Process | None:
        """Its process, if it has one."""
        return self._process if self.is_running else None

    @property
    def is_running(self) -> bool:
        """Has a process."""
        return self._process is not None and self._process.is_alive()

    def observe(self) -> Instance:
        """The instance as it is now."""
        return Instance(
            id=self.id,
            state=self._fact.state,
            host=HOST,
            port=self._fact.port,
            pid=None if self._process is None else self._process.pid,
            since=self._fact.since,
            probe_said=self._said,
            restarts=self._fact.restarts,
            exit_code=self._fact.exit_code,
            hopeless=self._fact.hopeless,
        )

    # Keeping it running

    def supervise(self) -> None:
        """Keep the instance running from now on."""
        name = f"supervise {self._group} {self.id}"
        self._supervision = self._site.tasks.spawn(self._supervise_always(), name)

    async def _supervise_always(self) -> None:
        while True:
            try:
                return await self._supervise()
            except (OSError, Temporary) as error:
                self._said = f"cannot be started: {error}"
                _log.warning("instance.not_started", **self._names, error=str(error))
            except Exception:
                # The edge of a task: one instance must not take all others down with it.
                _log.exception("instance.supervision_failed", **self._names)
            await asyncio.sleep(_RETRY)

    async def _supervise(self) -> None:
        await self._take_over()
        while not self._fact.hopeless:
            launched_at = None
            if self._process is None:
                self._process = await self._start()
                launched_at = asyncio.get_running_loop().time()
            await self._probe_until_end(self._process, is_new=launched_at is not None)
            await self._note_end(self._process, launched_at)

    async def _take_over(self) -> None:
        """Note the end of a process that ended while nobody looked."""
        if self._process is None:
            last = processes.recall(self._folder)
            if last is not None and last.mark != self._fact.ended:
                await self._note_end(last, None)
        elif self.is_healthy:
            self._healthy_since = asyncio.get_running_loop().time()

    async def _start(self) -> Process:
        self._become(InstanceState.STARTING, port=self._choose_port())
        await self.record()
        launch = self._build_launch()
        self._said = "was started"
        self._output_start = self.output.end
        process = processes.launch(
            self._folder,
            launch.command,
            environment=launch.environment,
            cwd=Path(launch.folder),
            log=self.output.log,
        )
        if self._fact.restarts:
            said = f"was started again (restart {self._fact.restarts}) on port {self.port}"
            self._tell("instance.restarted", said)
        self._site.on_change(self._cluster)
        return process

    def _choose_port(self) -> int:
        if is_free(self.port):
            return self.port
        port = self._site.ports.reserve()
        self._site.ports.release(self.port)
        return port

    def _build_launch(self) -> Launch:
        variables = build_variables(
            self._cluster, self._group, self._settings.version, self.id, self.port
        )
        return build_launch(self._settings, variables, self._site.environment)

    async def _probe_until_end(self, process: Process, *, is_new: bool) -> None:
        launch = self._build_launch()
        prober = Prober(
            self._settings.probe,
            Target(HOST, self.port, launch.environment, launch.folder),
            process,
            self._fact.state,
            is_new=is_new,
        )
        async with asyncio.TaskGroup() as tasks:
            probing = tasks.create_task(self._keep_probing(prober))
            await process.wait()
            probing.cancel()

    async def _keep_probing(self, prober: Prober) -> None:
        while await prober.ask():
            self._said = prober.said
            state = prober.health.state
            if state is self._fact.state:
                continue
            is_healthy = state is InstanceState.HEALTHY
            now = asyncio.get_running_loop().time()
            streak = 0 if self._was_healthy_for_long(now) else self._fact.streak
            self._healthy_since = now if is_healthy else None
            was_healthy = self._fact.was_healthy or is_healthy
            self._become(state, was_healthy=was_healthy, streak=streak)
            self._site.on_change(self._cluster)
            self._tell(f"instance.{state}", f"is {state}: {self._said}")
            await self.record()

    # Its unwanted end

    async def _note_end(self, process: Process, launched_at: float | None) -> None:
        """Write the end down, tell it, and wait as long as a restart must wait."""
        now = asyncio.get_running_loop().time()
        self._process = None
        if self.is_healthy:  # the router must know before anything else is done
            self._become(InstanceState.UNHEALTHY)
            self._said = "has ended"
            self._site.on_change(self._cluster)
        left_behind = await process.sweep()
        code = process.read_exit()
        ran = None if launched_at is None else now - launched_at
        end = restarts.format_end(code, ran, left_behind)
        lines = self.output.last_lines(_LAST_LINES, since=self._output_start)
        failures = self._fact.failures + (not self._fact.was_healthy)
        streak = 0 if self._was_healthy_for_long(now) else self._fact.streak
        hopeless = ""
        if not self._fact.was_healthy and failures > self._settings.restart_budget:
            hopeless = restarts.format_hopeless(end, failures, lines)
        self._healthy_since = None
        self._become(
            _state_after_end(self._fact, is_hopeless=bool(hopeless)),
            restarts=self._fact.restarts + (not hopeless),
            failures=failures,
            streak=streak + 1,
            exit_code=code,
            hopeless=hopeless,
            ended=process.mark,
        )
        delay = restarts.back_off(streak)
        said = restarts.format_lines(lines)
        then = "is not started again" if hopeless else restarts.format_restart(delay)
        self._said = f"{end}; {then}; {said}"
        self._tell("instance.died", hopeless or f"{end}; {said}")
        self._site.on_change(self._cluster)
        await self.record()
        if not hopeless:
            await asyncio.sleep(delay)

    def _was_healthy_for_long(self, now: float) -> bool:
        since = self._healthy_since
        return since is not None and now - since >= restarts.RESET_AFTER

    # Its wanted end

    def leave(self) -> None:
        """From now on it is on its way out."""
        self._is_leaving = True

    async def begin_drain(self) -> None:
        """Have it leave the endpoints. It goes on running."""
        if self._supervision is not None:
            self._supervision.cancel()
            await asyncio.wait([self._supervision])
        self._become(InstanceState.DRAINING)
        await self.record()

    async def stop(self) -> None:
        """End its process and all that it started. Raises `TimeoutError` when one does not end."""
        stop = self._settings.stop
        process = self._process or processes.recall(self._folder)
        if process is not None:
            await process.stop(signal.Signals[stop.signal], stop.timeout)
        self._process = None

    async def forget(self) -> None:
        """Remove its files and give its port back."""
        await asyncio.to_thread(shutil.rmtree, self._folder)
        self._site.ports.release(self.port)

    # Its record

    async def record(self) -> None:
        """Write down what is not yet. Never fails: what an instance does matters more than its
        record, which is tried again from time to time."""
        async with self._recording:
            fact = self._fact
            if fact == self._recorded:
                return
            try:
                await facts.record(self._folder / FACT, fact)
                self._recorded = fact
            except Temporary as error:
                _log.warning("instance.not_recorded", **self._names, error=error.message)

    def _become(self, state: InstanceState, **changes: object) -> None:
        if state is not self._fact.state:
            changes = {"state": state, "since": self._site.clock.now(), **changes}
        self._fact = self._fact.model_copy(update=changes)

    def _tell(self, kind: str, sentence: str) -> None:
        _log.info(kind, **self._names, sentence=sentence)
        self._site.tell(
            self._cluster,
            kind,
            f"{self.id} of {self._group} {sentence}",
            {
                "group": self._group,
                "instance": self.id,
                "port": self.port,
                "restarts": self._fact.restarts,
                "exit_code": self._fact.exit_code,
            },
        )

    @property
    def _names(self) -> dict[str, str]:
        return {"group": self._group, "instance": self.id}


def _without_process(fact: SlotFact) -> SlotFact:
    """What is true of an instance that was recorded as running, and is not."""
    if fact.state is not InstanceState.HEALTHY:
        return fact
    return fact.model_copy(update={"state": InstanceState.UNHEALTHY})


def _state_after_end(fact: SlotFact, *, is_hopeless: bool) -> InstanceState:
    if is_hopeless:
        return InstanceState.GONE
    return InstanceState.UNHEALTHY if fact.was_healthy else InstanceState.STARTING
