"""A small shop that Turnout deploys in its demo, tests and benchmarks; python3 alone runs it.

    /              who answers: version and instance
    /healthz       the health probe: 200, or 503 while it warms up
    /slow?ms=1000  answers after so many milliseconds
    /ws            a websocket: says its version first, then echoes
    /events        server-sent events, one a second

HOST, PORT, VERSION and INSTANCE say where it listens and who it is. ERROR_RATE (0 to 1) is the
share of user requests answered with 500 while the probe stays fine, LATENCY_MS delays every user
request, START_DELAY (seconds) is how long it warms up. SIGTERM ends it in order: it accepts no
more, finishes what it was asked, closes websockets with 1001, ends streams, and exits with 0.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
from typing import cast
from urllib.parse import parse_qs, urlsplit

IDLE_GRACE = 0.3  # seconds after SIGTERM for requests that are already on their way
CLOSE_GRACE = 1.0  # seconds that the other side has to close its half of a connection
MAX_BYTES = 1_048_576  # of a request or a websocket frame
FINAL, TEXT, CLOSE, PING, PONG = 0x80, 1, 8, 9, 10  # first byte of a websocket frame
GOING_AWAY, PROTOCOL_ERROR = 1001, 1002  # why a websocket is closed


def read_request(data: bytes) -> tuple[int, str, str, dict[str, str], bool] | None:
    """Read size, method, target, headers and whether to keep alive; None while incomplete."""
    end = data.find(b"\r\n\r\n")
    if end < 0 and len(data) < MAX_BYTES:
        return None
    first, *lines = data[:end].decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    method, target, protocol = first.split(" ")
    size = end + 4 + int(headers.get("content-length", "0"))
    if not 0 < end <= size - 4 < MAX_BYTES or "transfer-encoding" in headers:
        raise ValueError("too long, or of unknown length")
    keeps_alive = protocol == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return (size, method, target, headers, keeps_alive) if len(data) >= size else None


def read_frame(data: bytes) -> tuple[int, bytes, int] | None:
    """Read first byte, content and length of a websocket frame; None while incomplete."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length > 125:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start], "big")
    if data[0] & 0x70 or not data[1] & 0x80 or length > MAX_BYTES:
        raise ValueError("an extension, not masked as a client must, or too long")
    size = start + 4 + length
    if len(data) < size:
        return None
    mask = (data[start : start + 4] * (length // 4 + 1))[:length]
    content = int.from_bytes(data[start + 4 : size], "big") ^ int.from_bytes(mask, "big")
    return data[0], content.to_bytes(length, "big"), size


def build_frame(first: int, content: bytes) -> bytes:
    """Build a frame as a server sends it, not masked."""
    size = len(content)
    head = bytes((first, size)) if size <= 125 else bytes((first, 127)) + size.to_bytes(8, "big")
    return head + content


class Shop:
    """What all connections share: who we are, how badly we behave, who is connected."""

    def __init__(self, environment: dict[str, str], now: float) -> None:
        self.version = environment.get("VERSION") or "0"
        self.instance = environment.get("INSTANCE") or f"pid-{os.getpid()}"
        self.error_rate = float(environment.get("ERROR_RATE") or 0)
        self.latency = float(environment.get("LATENCY_MS") or 0) / 1000
        self.warm_at = now + float(environment.get("START_DELAY") or 0)
        self.headers = f"x-version: {self.version}\r\nx-instance: {self.instance}\r\n"
        self.page = json.dumps({"version": self.version, "instance": self.instance}) + "\n"
        self.connections: set[Connection] = set()
        self.is_stopping, self.owed = False, 0.0

    def fails_now(self) -> bool:
        """Failures come evenly, not by chance: a run can be repeated."""
        fails, self.owed = divmod(self.owed + self.error_rate, 1)
        return fails > 0

    async def stop(self) -> None:
        """Returns when every connection has ended in order."""
        self.is_stopping, loop = True, asyncio.get_running_loop()
        deadline = loop.time() + IDLE_GRACE
        while self.connections:
            for connection in list(self.connections):
                connection.end(is_late=loop.time() > deadline)
            await asyncio.sleep(0.01)


class Connection(asyncio.Protocol):
    """One client: HTTP/1.1 with keep-alive, which may turn into a websocket or an event stream."""

    def __init__(self, shop: Shop) -> None:
        self.transport: asyncio.Transport
        self.shop, self.loop = shop, asyncio.get_running_loop()
        self.state = "idle"  # or answering, websocket, leaving (a websocket), events, closing
        self.buffer, self.method, self.keeps_alive = b"", "GET", False
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.shop.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.shop.connections.discard(self)
        if self.timer:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        try:
            while self.state == "idle" and (request := read_request(self.buffer)):
                size, self.method, target, headers, self.keeps_alive = request
                self.buffer, self.state = self.buffer[size:], "answering"
                self.route(target, headers)
            while self.state in {"websocket", "leaving"} and (frame := read_frame(self.buffer)):
                self.buffer = self.buffer[frame[2] :]
                self.obey(frame[0], frame[1])
        except ValueError:
            if self.state in {"websocket", "leaving"}:
                self.leave(PROTOCOL_ERROR)
                return
            self.keeps_alive = False
            self.answer("400 Bad Request", "this cannot be read\n")

    def later(self, seconds: float, then: object, *arguments: object) -> None:
        if self.timer:
            self.timer.cancel()
        self.timer = self.loop.call_later(seconds, then, *arguments)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close our half and wait for the other: a hard close may destroy what was sent last."""
        if self.state != "closing":
            self.state = "closing"
            self.transport.write_eof()
            self.later(CLOSE_GRACE, self.transport.abort)

    def route(self, target: str, headers: dict[str, str]) -> None:
        shop, url = self.shop, urlsplit(target)
        if self.loop.time() < shop.warm_at:
            self.answer("503 Service Unavailable", "warming up\n")
        elif url.path == "/healthz":
            self.answer("200 OK", "ok\n")
        elif shop.fails_now():
            self.answer("500 Internal Server Error", "the shop is broken\n", shop.latency)
        elif url.path == "/":
            self.answer("200 OK", shop.page, shop.latency)
        elif url.path == "/slow":
            ms = int(parse_qs(url.query).get("ms", ["1000"])[0])
            self.answer("200 OK", shop.page, ms / 1000 + shop.latency)
        elif url.path == "/events":
            self.open_events()
        elif url.path == "/ws" and "sec-websocket-key" in headers:
            self.open_websocket(headers["sec-websocket-key"])
        else:
            self.answer("404 Not Found", "there is nothing here\n")

    def answer(self, status: str, body: str, delay: float = 0) -> None:
        if delay:
            self.later(delay, self.answer, status, body)
            return
        keeps_alive = self.keeps_alive and not self.shop.is_stopping
        head = (
            f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\ncontent-type: text/plain\r\n"
            f"connection: {'keep-alive' if keeps_alive else 'close'}\r\n{self.shop.headers}\r\n"
        )
        self.transport.write((head if self.method == "HEAD" else head + body).encode())
        if not keeps_alive:
            self.close()
            return
        self.state = "idle"
        if self.buffer:  # the next request came early
            self.loop.call_soon(self.data_received, b"")

    def open_events(self) -> None:
        self.state = "events"
        head = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
        self.transport.write(f"HTTP/1.1 200 OK\r\n{head}{self.shop.headers}\r\n".encode())
        self.send_event(0)

    def send_event(self, number: int) -> None:
        event = f"id: {number}\ndata: {self.shop.page}\n"
        self.transport.write(f"{len(event):x}\r\n{event}\r\n".encode())
        self.later(1.0, self.send_event, number + 1)

    def open_websocket(self, key: str) -> None:
        self.state = "websocket"
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()  # noqa: S324
        head = f"sec-websocket-accept: {base64.b64encode(digest).decode()}\r\n{self.shop.headers}"
        head = f"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n{head}"
        self.transport.write(f"{head}connection: upgrade\r\n\r\n".encode())
        self.transport.write(build_frame(FINAL | TEXT, self.shop.version.encode()))

    def obey(self, first: int, content: bytes) -> None:
        opcode = first & 0x0F
        if opcode == CLOSE:
            if self.state == "websocket":
                self.transport.write(build_frame(first, content[:2]))
            self.close()
        elif opcode == PING:
            self.transport.write(build_frame(FINAL | PONG, content))
        elif opcode != PONG and self.state == "websocket":
            self.transport.write(build_frame(first, content))

    def leave(self, code: int) -> None:
        self.state = "leaving"
        self.transport.write(build_frame(FINAL | CLOSE, code.to_bytes(2, "big")))
        self.later(CLOSE_GRACE, self.close)

    def end(self, *, is_late: bool) -> None:
        """The service stops: end a stream in order, and in the end also an idle connection."""
        if self.state == "websocket":
            self.leave(GOING_AWAY)
        elif self.state == "events":
            self.transport.write(b"0\r\n\r\n")
            self.close()
        elif self.state == "idle" and is_late:
            self.close()


async def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, stopped.set)
    shop = Shop(dict(os.environ), loop.time())
    host, port = os.environ.get("HOST") or "127.0.0.1", int(os.environ.get("PORT") or 8000)
    server = await loop.create_server(lambda: Connection(shop), host, port, backlog=1024)
    address = f"{host}:{server.sockets[0].getsockname()[1]}"
    print(f"shop {shop.version} ({shop.instance}) listens on {address}", flush=True)
    await stopped.wait()
    server.close()
    await shop.stop()


if __name__ == "__main__":
    asyncio.run(main())
