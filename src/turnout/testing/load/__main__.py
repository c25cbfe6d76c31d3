"""Put load on a service: `python -m turnout.testing.load http://127.0.0.1:8080 --rate 200`.

With `--rate`, requests are due at a steady rate whatever the service does; without, `--requests`
are sent over `--connections` as fast as they are answered. Ends after `--seconds` or on SIGTERM
or Ctrl-C, after the answers under way have come. Exit code 0 says that the report is complete,
whatever it says.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from turnout.testing.load.closed import closed_loop
from turnout.testing.load.process import STARTED
from turnout.testing.load.report import Report
from turnout.testing.load.steady import CONNECTIONS, Load


def main(arguments: Sequence[str] | None = None) -> None:
    """Put load on a service and report."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    if (options.rate is None) == (options.requests is None):
        parser.error("give either --rate or --requests")
    gc.freeze()  # what was imported need not be looked at again: shorter pauses
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            report = runner.run(_run(options))
    except ValueError as error:
        parser.error(str(error))
    if options.json:
        report.write(options.json, with_answers=options.answers)
    print(report)  # noqa: T201 - the output of a program


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """With uvloop the load needs half the processor time; without, it works all the same."""
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:
        return None
    return new_event_loop


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m turnout.testing.load",
        description="Puts load on an HTTP service and accounts for every request.",
    )
    add = parser.add_argument
    add("url", help="http://host:port")
    add("--rate", type=_positive, help="requests a second, steadily (open loop)")
    add("--requests", type=int, help="so many requests, as fast as answers come (closed loop)")
    add("--connections", type=int, help=f"at most so many (default {CONNECTIONS}; closed loop: 16)")
    add("--seconds", type=_positive, help="how long (default: until SIGTERM)")
    add("--path", default="/")
    add("--method", default="GET", help="open loop only")
    add("--header", action="append", default=[], help="'name: value', may be repeated")
    add("--timeout", type=_positive, default=30.0, help="seconds until an answer has failed")
    add("--strict", action="store_true", help="never send again: a connection closed early fails")
    add("--json", type=Path, help="write the report to this file")
    add("--answers", action="store_true", help="write every single answer to it, too")
    return parser


async def _run(options: argparse.Namespace) -> Report:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    if options.seconds:
        loop.call_later(options.seconds, over.set)
    return await (_steady(options, over) if options.rate else _closed(options, over))


async def _steady(options: argparse.Namespace, over: asyncio.Event) -> Report:
    load = Load(
        options.url,
        rate=options.rate,
        path=options.path,
        method=options.method,
        headers=_headers(options.header),
        connections=options.connections or CONNECTIONS,
        timeout=timedelta(seconds=options.timeout),
        strict=options.strict,
    )
    async with load:
        _say(f"{STARTED}: {options.rate:g} requests/s to {options.url}")
        await over.wait()
        return await load.stop()


async def _closed(options: argparse.Namespace, over: asyncio.Event) -> Report:
    _say(f"{STARTED}: {options.requests} requests to {options.url}")
    return await closed_loop(
        options.url,
        connections=options.connections or 16,
        requests=options.requests,
        path=options.path,
        headers=_headers(options.header),
        timeout=timedelta(seconds=options.timeout),
        strict=options.strict,
        until=over,
    )


def _headers(lines: Sequence[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValueError(f"a header is 'name: value', not {line!r}")
        headers[name.strip()] = value.strip()
    return headers


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
