from __future__ import annotations

from turnout.providers.local.listening import format_listening


def test_a_wrong_port_is_named() -> None:
    found = frozenset({("0.0.0.0", 8080), ("::", 8080), ("127.0.0.1", 9090)})
    assert format_listening("127.0.0.1", 20013, found) == (
        "nothing listens on 127.0.0.1:20013; the process listens on 8080, 9090 instead of $PORT"
    )


def test_the_right_port_on_a_wrong_address_is_named() -> None:
    found = frozenset({("::1", 20013)})
    assert format_listening("127.0.0.1", 20013, found) == (
        "nothing listens on 127.0.0.1:20013; "
        "the process listens on [::1]:20013: make it listen on 127.0.0.1"
    )


def test_a_process_that_listens_nowhere_is_only_said_not_to() -> None:
    assert format_listening("127.0.0.1", 20013, frozenset()) == (
        "nothing listens on 127.0.0.1:20013"
    )
