"""Prometheus, InfluxDB and Graphite as Debian has them, with the points in them."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.contract.metrics.programs import await_answer, find_program, running
from tests.contract.metrics.world import MINUTES, START, Point, Stage, points
from tests.ports import choose_port
from turnout.metrics.accounts import Account
from turnout.metrics.secrets import Secret
from turnout.model.canary.queries import GraphiteQuery, InfluxDbQuery, PrometheusQuery

PASSWORD = "correct-horse"  # of a store that is gone in a minute

_SERVE_GRAPHITE = Path(__file__).with_name("serve_graphite.py")


@contextmanager
def prometheus(folder: Path) -> Iterator[Stage]:
    """Prometheus, whose blocks are made before it starts."""
    lines = [_open_metric(point) for point in points()]
    (folder / "points").write_text("\n".join(["# TYPE figure gauge", *lines, "# EOF\n"]))
    make = [find_program("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*make, folder / "points", folder / "data"], check=True, capture_output=True)
    (folder / "config.yml").write_text("{}\n")
    port = choose_port()
    command = [
        find_program("prometheus", "prometheus"),
        f"--config.file={folder}/config.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.route-prefix=/prefix",
    ]
    url = f"http://127.0.0.1:{port}/prefix"
    with running(command, folder) as check:
        await_answer(f"{url}/-/ready", check, lambda _: True)
        yield Stage(
            account=Account("prom", "prometheus", url, options={"scope_label": "group"}),
            query=PrometheusQuery(
                type="prometheus", custom_inline_template='PromQL:figure{group="${scope}"}'
            ),
            wrong=PrometheusQuery(type="prometheus", custom_inline_template="PromQL:figure{"),
            zone_tags=({"group": "zoned", "zone": "a"}, {"group": "zoned", "zone": "b"}),
            carried=5,
        )


def _open_metric(point: Point) -> str:
    zone = f',zone="{point.zone}"' if point.zone else ""
    return f'figure{{group="{point.group}"{zone}}} {point.value} {point.second}'


@contextmanager
def influxdb(folder: Path) -> Iterator[Stage]:
    """InfluxDB, which lets in nobody without a password."""
    rpc, port = choose_port(), choose_port()
    (folder / "influxdb.conf").write_text(
        f"""
        reporting-disabled = true
        bind-address = "127.0.0.1:{rpc}"
        [meta]
        dir = "{folder}/meta"
        [data]
        dir = "{folder}/data"
        wal-dir = "{folder}/wal"
        [monitor]
        store-enabled = false
        [http]
        bind-address = "127.0.0.1:{port}"
        auth-enabled = true
        """
    )
    url = f"http://127.0.0.1:{port}"
    command = [find_program("influxd", "influxdb"), "-config", f"{folder}/influxdb.conf"]
    with running(command, folder) as check:
        await_answer(f"{url}/ping", check, lambda _: True)
        with httpx2.Client(base_url=url, auth=("ada", PASSWORD), trust_env=False) as client:
            _fill_influxdb(client)
        yield Stage(
            account=Account(
                "influx",
                "influxdb",
                url,
                options={"database": "figures", "user": "ada"},
                secrets={"password": Secret(PASSWORD)},
            ),
            query=InfluxDbQuery(
                type="influxdb",
                custom_inline_template="SELECT value FROM figure WHERE ${timeFilter} AND ${scope} "
                "GROUP BY zone",
            ),
            wrong=InfluxDbQuery(
                type="influxdb", custom_inline_template="SELECT WHERE ${timeFilter} AND ${scope}"
            ),
            zone_tags=({"zone": "a"}, {"zone": "b"}),
            scope_prefix="server_group:",
        )


def _fill_influxdb(client: httpx2.Client) -> None:
    user = f"CREATE USER ada WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES"
    for statement in (user, "CREATE DATABASE figures"):
        client.post("/query", data={"q": statement}).raise_for_status()
    text = "\n".join(map(_line, points()))
    params = {"db": "figures", "precision": "s"}
    client.post("/write", params=params, content=text).raise_for_status()


def _line(point: Point) -> str:
    zone = f",zone={point.zone}" if point.zone else ""
    return f"figure,server_group={point.group}{zone} value={point.value} {point.second}"


@contextmanager
def graphite(folder: Path) -> Iterator[Stage]:
    """Carbon, and Graphite's web application without a web server around it."""
    lines, pickles, queries, port = (choose_port() for _ in range(4))
    storage = folder / "storage"
    (storage / "whisper").mkdir(parents=True)
    (folder / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 60s:1d\n")
    (folder / "carbon.conf").write_text(_CARBON.format(**locals()))
    carbon = [find_program("carbon-cache", "graphite-carbon"), "--nodaemon"]
    carbon += [f"--config={folder}/carbon.conf", f"--pidfile={folder}/pid", "start"]
    web = ["/usr/bin/python3", str(_SERVE_GRAPHITE), str(port)]
    places = {"GRAPHITE_FOLDER": str(folder), "CARBON_LINK": f"127.0.0.1:{queries}"}
    url = f"http://127.0.0.1:{port}"
    with running(carbon, folder) as cache, running(web, folder, places) as check:
        _fill_graphite(lines, cache)
        await_answer(
            f"{url}/render?target=figure.**&format=json&noCache=true&from={START - 1}"
            f"&until={START + 60 * MINUTES}",
            check,
            lambda said: said.count("datapoints") >= 2 and f"[129.0, {START + 29 * 60}]" in said,
        )
        yield Stage(
            account=Account("graphite", "graphite", url),
            query=GraphiteQuery(type="graphite", metric_name="figure.$scope.*"),
            wrong=GraphiteQuery(type="graphite", metric_name="nothingOfThatName(figure.$scope)"),
            zone_tags=({"target": "figure.$scope.a"}, {"target": "figure.$scope.b"}),
        )


_CARBON = """
[cache]
STORAGE_DIR = {storage}
LOCAL_DATA_DIR = {storage}/whisper
CONF_DIR = {folder}
LOG_DIR = {folder}
PID_DIR = {folder}
DATABASE = whisper
USER =
MAX_CREATES_PER_MINUTE = inf
ENABLE_TAGS = False
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {lines}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickles}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {queries}
"""


def _fill_graphite(port: int, check: Callable[[], None]) -> None:
    text = "".join(f"figure.{p.group}.{p.zone or 'all'} {p.value} {p.second}\n" for p in points())
    with _connected(port, check) as connection:
        connection.sendall(text.encode())


def _connected(port: int, check: Callable[[], None]) -> socket.socket:
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError:
            check()
            assert time.monotonic() < deadline, "carbon-cache takes no samples"
            time.sleep(0.1)
