"""What can be known of a service's canaries before anything is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from turnout.canary.subjects import refuse_hopeless, subjects_of
from turnout.documents.canary import DEFAULT_NAME, default_config
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.request import CanaryScope
from turnout.model.checks import CanaryCheck
from turnout.model.deployment import Options, Service, StrategyName
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.names import format_group
from turnout.ports import CanaryArchive, MetricSource

_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""Queries are built for it, and not sent."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """A comparison that the service file asks for: by which configuration, and for how long."""

    place: str
    config: str
    duration: timedelta


async def examine_service(service: Service, archive: CanaryArchive, source: MetricSource) -> None:
    """Raises `NotFound` for a canary configuration that does not exist, and `InvalidDocument` when
    it cannot be judged in its time, or when there is no source for one of its metrics.
    """
    for wish in dict.fromkeys(_wishes(service)):
        config = await read_config(archive, wish.config)
        try:
            _examine(config, wish.duration, service.cluster, source)
        except InvalidDocument as error:
            raise _of_configuration(error, wish) from error


async def read_config(
    archive: CanaryArchive, name: str, default: Callable[[], CanaryConfig] = default_config
) -> CanaryConfig:
    """A stored configuration, or the one that is built in. Raises `NotFound`."""
    if name in ("", DEFAULT_NAME):
        return default()
    return read_document(CanaryConfig, (await archive.read_config(name)).document)


def _wishes(service: Service) -> Iterator[_Wish]:
    options = service.options
    if service.strategy is StrategyName.CANARY:
        yield _Wish("options.config", options.config, options.duration)
    for place, check, lasts in _checks(options):
        duration = lasts or check.duration
        yield _Wish(f"options.{place}", check.config, duration - min(check.warmup, duration / 2))


def _checks(options: Options) -> Iterator[tuple[str, CanaryCheck, timedelta]]:
    """With how long each is made again and again; 0 = it takes its own time."""
    used = (
        ("before_traffic", options.before_traffic, timedelta(0)),
        ("checks", options.checks, options.step_hold),
        ("watch_checks", options.watch_checks, options.watch),
    )
    for place, checks, lasts in used:
        for check in checks:
            if isinstance(check, CanaryCheck):
                yield place, check, lasts


def _examine(config: CanaryConfig, duration: timedelta, cluster: str, source: MetricSource) -> None:
    subjects = subjects_of(config, duration)
    refuse_hopeless(subjects, duration)
    for subject in subjects:
        scope = CanaryScope(
            scope=format_group(cluster, 0),
            location=cluster,
            start=_SOME_TIME,
            end=_SOME_TIME + subject.step,
            step=round(subject.step.total_seconds()),
        )
        for query in (subject.query, subject.exposure):
            if query is not None:
                with _naming(config, subject.name):
                    source.describe(query, scope, config.templates)


@contextmanager
def _naming(config: CanaryConfig, name: str) -> Iterator[None]:
    """What is wrong with a query is told with its metric."""
    try:
        yield
    except InvalidDocument as error:
        index = [metric.name for metric in config.metrics].index(name)
        raise _told_of(error, f'metrics[{index}] "{name}"') from error


def _of_configuration(error: InvalidDocument, wish: _Wish) -> InvalidDocument:
    """The paths in it are those of the configuration: people look for them in the service file."""
    told = _told_of(error, f"canary configuration {wish.config or DEFAULT_NAME}")
    problems = tuple(replace(problem, path=wish.place) for problem in told.problems)
    return InvalidDocument(f"{wish.place}: {told.message}", problems, hint=error.hint)


def _told_of(error: InvalidDocument, what: str) -> InvalidDocument:
    problems = tuple(
        replace(problem, message=f"{what}: {_with_path(problem)}", path="")
        for problem in error.problems
    )
    return InvalidDocument(f"{what}: {error.message}", problems, hint=error.hint)


def _with_path(problem: Problem) -> str:
    return f"{problem.path}: {problem.message}" if problem.path else problem.message
