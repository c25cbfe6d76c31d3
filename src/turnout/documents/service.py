"""Reading a service file: from text to `model.Service`, or to every mistake that is in it."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from pathlib import PurePath

from pydantic import ValidationError

from turnout.documents.options_shape import not_taken
from turnout.documents.report import Place, Report, Unreadable, listed, shown
from turnout.documents.service_shape import FILE
from turnout.documents.structures import Values, join
from turnout.documents.texts import parse_version
from turnout.documents.tree import MapNode, Node, Scalar, compose
from turnout.model.deployment import STRATEGY_OPTIONS, Options, Service, StrategyName
from turnout.model.errors import InvalidDocument
from turnout.model.names import ClusterName
from turnout.model.servers import GroupSettings, Probe, Run, Stop
from turnout.model.traffic import Listener
from turnout.model.words import nearest


def read_service(
    text: str,
    *,
    folder: PurePath,
    name: str,
    targets: Collection[str] = ("local",),
    version: str | None = None,
) -> Service:
    """Read a service file, YAML or JSON.

    `folder` is absolute; a relative `run.folder` starts there. `name` is what messages call the
    file. `version`, when given, takes the place of the file's, which may then have none. Touches
    nothing outside. Raises `InvalidDocument` with all mistakes in the order of the file, each with
    its place and, where one comes near, the name that was probably meant.
    """
    if not folder.is_absolute():
        raise ValueError(f"the folder of {name} must be absolute, not {folder}")
    report = Report()
    try:
        root = compose(text, report)
        values = _read_values(root, targets, version, report)
        return _build(values, str(folder))
    except Unreadable:
        pass
    except ValidationError as error:  # what the shapes let through and the model does not
        for one in error.errors():
            report.add(Place(), ".".join(str(part) for part in one["loc"]), one["msg"])
    raise report.error(f"{name} is not a valid service file")


def _read_values(
    root: Node, targets: Collection[str], version: str | None, report: Report
) -> Values:
    """Everything that the file says, if it is right on its own and fits together."""
    values, _ = FILE.read_parts(root, "", report)
    assert isinstance(root, MapNode)  # noqa: S101 - anything else has been refused by the line above
    _check_cluster(root, values, report)
    _check_target(root, values, targets, report)
    _check_version(root, values, version, report)
    _check_listener(root, report)
    _check_options(root, report)
    if report.problems:
        raise Unreadable
    return values


def _check_cluster(root: MapNode, values: Values, report: Report) -> None:
    if "application" not in values:
        return
    try:
        _cluster(values)
    except InvalidDocument as error:
        for problem in error.problems:
            node = root.get(problem.path)
            report.add(node.place if node else root.place, problem.path, problem.message)


def _check_target(root: MapNode, values: Values, targets: Collection[str], report: Report) -> None:
    target, node = values.get("target"), root.get("target")
    if target is None or node is None or target in targets:
        return
    message = f"there is no target {shown(target)}; there are {listed(targets)}"
    report.add(node.place, "target", message, nearest(target, targets))


def _check_version(root: MapNode, values: Values, version: str | None, report: Report) -> None:
    if version is None:
        if root.get("version") is None:
            report.add(root.place, "version", "is missing, here and at the command line")
        return
    try:
        values["version"] = parse_version(version)
    except ValueError as error:
        report.add(Place(), "version", str(error))


def _check_listener(root: MapNode, report: Report) -> None:
    port, listener = root.get("port"), root.get("listener")
    if port is None and listener is None:
        report.add(root.place, "port", "is missing: where do users' requests come in?")
    if port is not None and listener is not None:
        report.add(port.place, "port", "there is a listener, too: give its port there only")


def _check_options(root: MapNode, report: Report) -> None:
    strategy, inside = _strategy(root.get("strategy"))
    options = root.get("options")
    if strategy is None or not isinstance(options, MapNode):
        return
    for key, _ in options.entries:
        path = join("options", key.text)
        if inside is not None and inside.get(key.text) is not None:
            report.add(key.place, path, "is given under strategy, too: give it once")
        elif key.text in FILE_OPTIONS - STRATEGY_OPTIONS[strategy]:
            report.add(key.place, path, not_taken(strategy, key.text))


FILE_OPTIONS = frozenset().union(*STRATEGY_OPTIONS.values())
"""The options of all strategies."""


def _strategy(node: Node | None) -> tuple[StrategyName | None, MapNode | None]:
    """Which strategy the file names, if it exists, and the options that stand under its name."""
    if node is None:
        return StrategyName.BLUE_GREEN, None
    inside = None
    if isinstance(node, MapNode) and len(node.entries) == 1:
        ((node, below),) = node.entries
        inside = below if isinstance(below, MapNode) else None
    if isinstance(node, Scalar) and node.text in STRATEGY_OPTIONS:
        return StrategyName(node.text), inside
    return None, None


def _cluster(values: Values) -> str:
    return str(
        ClusterName(values["application"], values.get("stack", ""), values.get("detail", ""))
    )


def _build(values: Values, folder: str) -> Service:
    cluster = _cluster(values)
    strategy, options = _chosen(values)
    drain = {"drain_timeout": options.pop("drain_timeout")} if "drain_timeout" in options else {}
    rest = {key: values[key] for key in ("restart_budget",) if key in values}
    names = {key: values[key] for key in ("stack", "detail", "target") if key in values}
    run = values["run"]
    listener = values.get("listener") or {"port": values["port"]}
    return Service(
        application=values["application"],
        **names,
        settings=GroupSettings(
            version=values["version"],
            run=Run.model_validate(
                {**run, "folder": posixpath.normpath(posixpath.join(folder, run["folder"]))}
            ),
            probe=values.get("health", Probe()),
            stop=values.get("stop", Stop()),
            **rest,
            **drain,
        ),
        instances=values.get("instances", 1),
        listener=Listener.model_validate({"cluster": cluster, **listener}),
        strategy=strategy,
        options=Options.model_validate(options),
    )


def _chosen(values: Values) -> tuple[StrategyName, Values]:
    """The strategy and its options, from both places.

    A file that names its instances gets them, whatever runs now; one that does not keeps the number
    that runs.
    """
    strategy = values.get("strategy", StrategyName.BLUE_GREEN)
    name, inside = strategy if isinstance(strategy, tuple) else (strategy, {})
    options = {**values.get("options", {}), **inside}
    if "instances" in values:
        options.setdefault("instances", values["instances"])
    return StrategyName(name), options
