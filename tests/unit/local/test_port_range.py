from __future__ import annotations

import socket

import pytest

from turnout.model.errors import Temporary
from turnout.providers.local.port_range import PortRange, is_free


def taken() -> tuple[socket.socket, int]:
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    return holder, holder.getsockname()[1]


def test_no_port_is_handed_out_twice_while_it_is_reserved() -> None:
    ports = PortRange(29000, 29019)
    first = ports.reserve()
    others = set()
    with pytest.raises(Temporary, match="no port from 29000 to 29019 is free"):
        while True:
            others.add(ports.reserve())
    assert first not in others
    ports.release(first)
    assert ports.reserve() == first


def test_a_port_that_another_program_has_is_not_handed_out() -> None:
    holder, port = taken()
    with holder, pytest.raises(Temporary):
        PortRange(port, port).reserve()


def test_a_port_in_use_is_not_free() -> None:
    holder, port = taken()
    with holder:
        assert not is_free(port)
    assert is_free(port)


def test_a_lingering_connection_makes_a_port_taken() -> None:
    holder, port = taken()
    client = socket.create_connection(("127.0.0.1", port))
    served, _ = holder.accept()
    served.close()  # the side that closes first lingers
    client.close()
    holder.close()
    assert not is_free(port)


def test_the_port_of_one_instance_cannot_be_claimed_by_another() -> None:
    ports = PortRange(29100, 29109)
    assert ports.claim(29105)
    assert not ports.claim(29105)


@pytest.mark.parametrize(("first", "last"), [(0, 10), (10, 9), (1, 65536)])
def test_a_range_of_no_ports_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="is not a range of ports"):
        PortRange(first, last)
