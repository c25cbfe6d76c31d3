"""A small service for tests, with bad habits on request. Starts in milliseconds (python -S -E).

Answers every request with its arguments, environment and pid. While a file `sick` is in the working
folder it answers 503; while a file `garbage` is there it does not speak HTTP.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable


def main(habits: list[str]) -> None:
    """Serve until killed."""
    for habit in habits:
        name, _, value = habit.partition("=")
        HABITS.get(name, str)(value)
    serve(int(os.environ["PORT"]))


def exit_if(value: str) -> None:
    """`FILE:CODE`: exit while the file exists."""
    file, _, code = value.partition(":")
    if exists(file):
        sys.exit(int(code))


def use_port(value: str) -> None:
    """Listen somewhere else."""
    os.environ["PORT"] = value


def ignore_sigterm(_: str) -> None:
    """Do not end when asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def daemonise(_: str) -> None:
    """Leave the foreground: the child serves."""
    if os.fork():
        time.sleep(0.2)
        sys.exit(0)
    os.setsid()


def leave_later(value: str) -> None:
    """Listen, and leave the foreground so many seconds later: the child answers who waits."""
    os.environ["LEAVE"] = value


def have_child(_: str) -> None:
    """Start a child that leaves the session."""
    if not os.fork():
        os.setsid()
        time.sleep(1000)


def chat(_: str) -> None:
    """Write without end."""
    while True:
        os.write(1, b"x" * 79 + b"\n")


HABITS: dict[str, Callable[[str], object]] = {
    "--say": lambda value: os.write(1, value.encode() + b"\n"),
    "--slow": lambda value: time.sleep(float(value)),
    "--exit": lambda value: sys.exit(int(value)),
    "--exit-if": exit_if,
    "--port": use_port,
    "--deaf": ignore_sigterm,
    "--daemonise": daemonise,
    "--leave": leave_later,
    "--child": have_child,
    "--chatty": chat,
    "--silent": lambda _: time.sleep(1000),
}


def serve(port: int) -> None:
    """Answer every connection in turn."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        if "LEAVE" in os.environ:
            time.sleep(float(os.environ["LEAVE"]))
            parent = os.getpid()
            if os.fork():
                os._exit(0)
            while os.getppid() == parent:
                pass
        while True:
            connection, _ = listener.accept()
            with connection:
                answer(connection)


def answer(connection: socket.socket) -> None:
    """One request, one answer."""
    request = connection.recv(65536)
    if not request:
        return
    if exists("garbage"):
        connection.sendall(b"220 mail.example ready\r\n")
        return
    if exists("sick"):
        status, body = "503 Service Unavailable", "warming up"
    else:
        status, body = "200 OK", repr((sys.argv[1:], dict(os.environ), os.getpid()))
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + data)


def exists(file: str) -> bool:
    """Importing pathlib would take longer than everything else."""
    return os.path.exists(file)  # noqa: PTH110


if __name__ == "__main__":
    main(sys.argv[1:])
