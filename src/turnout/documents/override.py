"""What the command line changes of a service that a file describes."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.documents.options_shape import options_record
from turnout.documents.report import Place, Report, Unreadable, listed, shown
from turnout.documents.service_shape import STRATEGIES
from turnout.documents.structures import Values
from turnout.documents.texts import parse_version
from turnout.documents.tree import MapNode, Scalar, compose
from turnout.model.deployment import STRATEGY_OPTIONS, Options, Service, StrategyName
from turnout.model.errors import InvalidDocument
from turnout.model.words import nearest


def override(
    service: Service,
    *,
    version: str | None = None,
    strategy: str | None = None,
    instances: int | None = None,
    options: Mapping[str, str] | None = None,
) -> Service:
    """Change what is given, keep the rest.

    With another strategy than the file's, the file's options that the new one does not take
    (`steps` for blue_green, `keep` for highlander, `watch` for dark) go back to their defaults; all
    others stay. `options` are written as in the file (`{"watch": "30s", "steps": "[10%, 100%]"}`)
    and must be taken by the strategy. Raises `InvalidDocument`, with the nearest name for an
    unknown strategy or option.
    """
    report = Report()
    given = {"instances": str(instances)} if instances is not None else {}
    try:
        name = _read_strategy(service, strategy, report)
        values = _read_options(name, {**given, **(options or {})}, report)
        wanted = service.settings.version if version is None else _read_version(version, report)
    except Unreadable as error:
        raise _told(report) from error
    if report.problems:
        raise _told(report)
    return _changed(service, wanted, name, values)


def _told(report: Report) -> InvalidDocument:
    return report.error("The service cannot be deployed like that")


def _read_strategy(service: Service, strategy: str | None, report: Report) -> StrategyName:
    if strategy is None:
        return service.strategy
    if strategy not in STRATEGIES:
        message = f"there is no strategy {shown(strategy)}; there are {listed(STRATEGIES)}"
        raise report.refuse(Place(), "strategy", message, nearest(strategy, STRATEGIES))
    return StrategyName(strategy)


def _read_version(version: str, report: Report) -> str:
    try:
        return parse_version(version)
    except ValueError as error:
        raise report.refuse(Place(), "version", str(error)) from error


def _read_options(strategy: StrategyName, options: Mapping[str, str], report: Report) -> Values:
    record = options_record(strategy)
    values: Values = {}
    for name, text in options.items():
        alone = Report()  # what is written here has no place in the file
        try:
            key = Scalar(name, is_plain=True, place=Place())
            values |= record.read(
                MapNode(((key, compose(text, alone)),), Place()), "options", alone
            )
        except Unreadable:
            pass
        for problem in alone.problems:
            path = problem.path or f"options.{name}"
            report.add(Place(), path, problem.message, problem.nearest)
    return values


def _changed(service: Service, version: str, strategy: StrategyName, values: Values) -> Service:
    taken = STRATEGY_OPTIONS[strategy]
    kept = {name: getattr(service.options, name) for name in Options.model_fields if name in taken}
    drain = values.pop("drain_timeout", service.settings.drain_timeout)
    return service.model_copy(
        update={
            "settings": service.settings.model_copy(
                update={"version": version, "drain_timeout": drain}
            ),
            "strategy": strategy,
            "options": Options.model_validate({**kept, **values}),
        }
    )
