"""The shape of the service file: every key, what may stand there, and what it is for."""

from __future__ import annotations

from typing import Any, get_args

from turnout.documents import parts, texts
from turnout.documents.checks_shape import METHOD
from turnout.documents.options_shape import options_record
from turnout.documents.shapes import Nothing, OneOf, Whole, Words
from turnout.documents.structures import (
    Forms,
    Key,
    Made,
    MapOf,
    Misfit,
    Record,
    Single,
    Values,
)
from turnout.model.deployment import StrategyName
from turnout.model.servers import CommandProbe, HttpProbe, Probe, Stop, TcpProbe
from turnout.model.traffic import Sticky

STRATEGIES = tuple(strategy.value for strategy in StrategyName)
NAME = Words(texts.parse_line)


def _run(values: Values) -> Values:
    return {"folder": ".", **values}


_RUN = Made(
    Record(
        {
            "command": Key(
                parts.COMMAND,
                "What to run, split like a shell does but without a shell, or a list of words. "
                "$PORT, $INSTANCE and $VERSION are filled in for every instance.",
                required=True,
            ),
            "environment": Key(
                MapOf(texts.parse_environment_name, texts.NAME_PATTERN, Words(texts.parse_block)),
                "Environment variables. PORT, INSTANCE and VERSION come from Turnout.",
            ),
            "folder": Key(
                Words(texts.parse_folder),
                "Where to run it, relative to this file. Default: its folder.",
            ),
        }
    ),
    _run,
)


def _sticky(read: tuple[str, str]) -> Sticky:
    by, name = read
    return Sticky.model_validate({"by": by, "name": name})


_STICKY_NAME = Words(texts.parse_sticky_name, texts.STICKY_PATTERN)
_PORT = Whole(1, 65535)
_LISTENER = Record(
    {
        "port": Key(_PORT, "Where users' requests come in.", required=True),
        "host": Key(
            Words(texts.parse_address),
            "The address to listen on: 127.0.0.1 (default) for this host only, 0.0.0.0 for all.",
        ),
        "sticky": Key(
            Made(
                Single(
                    {
                        "cookie": Key(_STICKY_NAME, "By a cookie of this name, set by the router."),
                        "header": Key(
                            _STICKY_NAME, "By a header of this name, sent by the client."
                        ),
                    }
                ),
                _sticky,
            ),
            "Keep every user on one version while shares change.",
        ),
        "preview_header": Key(
            Words(texts.parse_preview_header, texts.HEADER_PATTERN),
            "A request with this header reaches the server group that it names. "
            "Default x-turnout-group.",
        ),
    }
)


def _http_probe(values: Values) -> HttpProbe:
    if "status" in values:
        values["status_from"], values["status_to"] = values.pop("status")
    return HttpProbe.model_validate(values)


def _path_probe(path: str) -> HttpProbe:
    return HttpProbe(path=path)


def _command_probe(command: tuple[str, ...]) -> CommandProbe:
    return CommandProbe(command=command)


def _tcp_probe(_values: Values) -> TcpProbe:
    return TcpProbe()


_KINDS_OF_PROBE = ("http", "tcp", "command")


def _probe(values: Values) -> Probe:
    kinds = [kind for kind in _KINDS_OF_PROBE if kind in values]
    if len(kinds) > 1:
        raise Misfit(kinds[1], f"there is {kinds[0]} already: one kind of probe is enough")
    timing = {key: value for key, value in values.items() if key not in _KINDS_OF_PROBE}
    return Probe.model_validate({**timing, "request": values[kinds[0]]} if kinds else timing)


_PATH_PROBE = Made(parts.PATH, _path_probe)
_PROBE = Made(
    Record(
        {
            "http": Key(
                Forms[Any](
                    single=_PATH_PROBE,
                    keyed=Made(
                        Record(
                            {
                                "path": Key(parts.PATH, "Path to ask for. Default /."),
                                "method": Key(METHOD, "Default GET."),
                                "headers": Key(parts.HEADERS, "Headers to send."),
                                "status": Key(
                                    parts.STATUS, "Healthy statuses: 204 or 200-399 (the default)."
                                ),
                            }
                        ),
                        _http_probe,
                    ),
                ),
                "Healthy when a request is answered well: a path, or more.",
            ),
            "tcp": Key(
                Made(Forms[Values](keyed=Record({}), nothing=Nothing[Values]({})), _tcp_probe),
                "Healthy when the port accepts a connection (the default).",
            ),
            "command": Key(
                Made(parts.COMMAND, _command_probe),
                "Healthy when the command ends with 0. It sees PORT and INSTANCE.",
            ),
            "interval": Key(parts.POSITIVE_DURATION, "How often to ask. Default 1s."),
            "timeout": Key(parts.POSITIVE_DURATION, "How long to wait for an answer. Default 2s."),
            "healthy_after": Key(Whole(1, 100), "Good answers in a row. Default 1."),
            "unhealthy_after": Key(Whole(1, 100), "Bad answers in a row. Default 3."),
            "min_healthy_time": Key(
                parts.DURATION, "How long it must have been healthy before it counts. Default 0."
            ),
        }
    ),
    _probe,
)


def _health(probe: HttpProbe) -> Probe:
    return Probe(request=probe)


def _stop(values: Values) -> Stop:
    return Stop.model_validate(values)


_STOP = Made(
    Record(
        {
            "signal": Key(
                OneOf(get_args(Stop.model_fields["signal"].annotation)),
                "How an instance is asked to end. Default SIGTERM.",
            ),
            "timeout": Key(parts.DURATION, "After this it is killed. Default 10s."),
        }
    ),
    _stop,
)

_STRATEGY = Forms[Any](
    single=OneOf(STRATEGIES),
    keyed=Single(
        {
            strategy.value: Key(
                Forms[Any](keyed=options_record(strategy), nothing=Nothing[Values]({})),
                "Its options.",
            )
            for strategy in StrategyName
        }
    ),
)

_BELONGS = {
    **dict.fromkeys(("command", "environment", "folder"), "run"),
    **dict.fromkeys(("host", "sticky", "preview_header"), "listener"),
    **dict.fromkeys(set(options_record(None).keys) - {"instances"}, "options"),
}

KEYS = {
    "application": Key(NAME, "The product, of a-z and 0-9: shop.", required=True),
    "stack": Key(NAME, "A part of it, of a-z and 0-9: web."),
    "detail": Key(NAME, "What tells clusters apart, of a-z, 0-9 and hyphens: eu-1."),
    "target": Key(NAME, "Where it runs. Default local, this host."),
    "version": Key(
        parts.VERSION,
        "The version of what is run, kept as written. May be given at the command line instead.",
    ),
    "run": Key(_RUN, "What to run.", required=True),
    "instances": Key(Whole(1, 1000), "How many copies run. Default 1."),
    "port": Key(_PORT, "Where users' requests come in; short for a listener with a port only."),
    "listener": Key(_LISTENER, "Where users' requests come in."),
    "health": Key(
        Forms[Any](single=Made(_PATH_PROBE, _health), keyed=_PROBE),
        "How to see that an instance is healthy: a path, or more. "
        "Default: its port accepts a connection.",
    ),
    "stop": Key(_STOP, "How instances are ended."),
    "restart_budget": Key(
        Whole(0, 1000),
        "How often an instance may exit while it starts before it is given up. Default 3.",
    ),
    "strategy": Key(_STRATEGY, "How a new version replaces the old one. Default blue_green."),
    "options": Key(options_record(None), "Options of the strategy."),
}

FILE = Record(KEYS, {key: f"this belongs under {place}" for key, place in _BELONGS.items()})
