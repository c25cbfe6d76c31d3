"""The parts that may be running: server, journal, Temporal, Envoy."""

from __future__ import annotations

import socket

import psutil

from turnout.api.views import Finding
from turnout.engine.client import connect
from turnout.engine.temporal_server import read_address
from turnout.model.errors import TurnoutError
from turnout.server.doctor.findings import judge, trouble, well
from turnout.server.holding import read_holder
from turnout.server.places import Places
from turnout.settings import Settings
from turnout.store.sql import SqlStore
from turnout.traffic.envoy.admin import AdminUnavailable, EnvoyAdmin
from turnout.traffic.envoy.bootstrap import ADMIN_SOCKET


async def look_at_server(settings: Settings) -> Finding:
    """Who holds the data folder; else whether the API could listen."""
    holder = read_holder(settings.data)
    if holder is not None:
        since = f"{holder.started_at:%Y-%m-%d %H:%M:%S} UTC"
        return well("server", f"runs as process {holder.pid} at {holder.address} since {since}")
    host, port = settings.address
    try:
        with socket.create_server((host, port), family=_family(host)):
            return well("server", f"none runs on {settings.data}; {settings.listen} is free")
    except OSError as error:
        return trouble(
            "server",
            f"none runs on {settings.data}, and it could not listen on {settings.listen}: "
            f"{error.strerror}{_who_listens(port)}",
            "Choose another address with --listen, or end what listens there.",
        )


async def look_at_store(settings: Settings) -> Finding:
    """The journal can be read."""
    places = Places(settings)
    if settings.store is None and not places.database.exists():
        return well("journal", f"{places.database} will be made by the first server")
    try:
        async with SqlStore(places.store_url) as store:
            await store.list_deployments(limit=1)
    except TurnoutError as error:
        return trouble("journal", error.message, error.hint or "Start the server, and see its log.")
    return well("journal", "can be read")


async def look_at_running_temporal(settings: Settings) -> Finding:
    """It answers, if it should be running."""
    address = settings.temporal or read_address(Places(settings).temporal)
    if not address:
        return well("running temporal", "not running: no server runs")
    try:
        client = await connect(address)
        healthy = await client.service_client.check_health()
    except TurnoutError as error:
        return trouble("running temporal", error.message, error.hint)
    return judge(
        "running temporal",
        f"answers at {address}",
        ok=healthy,
        hint="See its log in the data folder.",
    )


async def look_at_running_envoy(settings: Settings) -> Finding:
    """It answers, if it has ever been started."""
    folder = Places(settings).router / "envoy"
    if not folder.exists():
        return well("running envoy", "not started yet")
    admin = EnvoyAdmin(folder / ADMIN_SOCKET)
    try:
        state = (await admin.get("/ready")).strip()
    except AdminUnavailable as error:
        if read_holder(settings.data) is None:
            return well("running envoy", "not running: start the server to have it serve")
        return trouble("running envoy", str(error), f"See {folder / 'envoy.log'}.")
    finally:
        admin.close()
    return judge(
        "running envoy", f"says {state}", ok=state == "LIVE", hint=f"See {folder / 'envoy.log'}."
    )


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _who_listens(port: int) -> str:
    """As far as the kernel tells this user."""
    try:
        found = [
            c.pid
            for c in psutil.net_connections("tcp")
            if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port and c.pid
        ]
        if not found:
            return ""
        return f" (process {found[0]}, {psutil.Process(found[0]).name()})"
    except (psutil.Error, OSError):
        return ""
