"""nginx before the same instances, its split changed the usual way: a new file and a reload."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.machine import find_nginx
from tests.e2e.plant import until
from tests.ports import choose_port, is_taken

WORKERS = 2
"""As many as Envoy has on two cores."""


class Nginx:
    """One nginx with one listener; `upstreams` are the ports behind each version."""

    def __init__(self, upstreams: Mapping[str, Sequence[int]]) -> None:
        program = find_nginx()
        if program is None:
            raise RuntimeError("nginx is not installed: scripts/setup --bench")
        self._program = program
        self._upstreams = dict(upstreams)
        self._port = choose_port()
        self._folder: tempfile.TemporaryDirectory[str]
        self._process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        """Where its users come in."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        """Serve with the first version."""
        self._folder = tempfile.TemporaryDirectory(prefix="turnout-nginx-")
        self._write({next(iter(self._upstreams)): 1000})
        self._process = await self._call("-g", "daemon off;")
        await until(lambda: is_taken(self._port), "nginx listens", say=self._last_words)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()
        self._folder.cleanup()

    async def change(self, shares: Mapping[str, int]) -> None:
        """Replace the split. Returns when nginx has been told; it does not say more."""
        self._write(shares)
        told = await self._call("-s", "reload")
        if await told.wait() != 0:
            raise RuntimeError(f"nginx did not reload: {self._last_words()}")

    def _write(self, shares: Mapping[str, int]) -> None:
        text = build_config(self._port, self._upstreams, shares)
        beside = Path(self._folder.name, "nginx.new")
        beside.write_text(text)
        beside.rename(self._config)

    async def _call(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(self._program, "-p", self._folder.name, "-c", str(self._config)),
            *("-e", "error.log", *arguments),
        )

    @property
    def _config(self) -> Path:
        return Path(self._folder.name, "nginx.conf")

    def _last_words(self) -> str:
        log = Path(self._folder.name, "error.log")
        return "\n".join(log.read_text().splitlines()[-10:]) if log.exists() else "(no log)"


def build_config(
    port: int, upstreams: Mapping[str, Sequence[int]], shares: Mapping[str, int]
) -> str:
    """The whole configuration. Pure. The last version gets what the others leave."""
    *some, rest = [version for version, share in shares.items() if share]
    parts = [*(f"{shares[version] / 10}% {version};" for version in some), f"* {rest};"]
    groups = "\n".join(
        f"  upstream {version} {{ {_build_servers(ports)} keepalive 32; }}"
        for version, ports in upstreams.items()
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {kind};" for kind in kinds)
    return f"""
worker_processes {WORKERS};
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  {folders}
  keepalive_requests 1000000;
{groups}
  split_clients $request_id $group {{ {" ".join(parts)} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://$group;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


def _build_servers(ports: Sequence[int]) -> str:
    return " ".join(f"server 127.0.0.1:{port};" for port in ports)
