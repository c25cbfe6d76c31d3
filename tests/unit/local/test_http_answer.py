from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.providers.local.http_answer import HttpAnswer

PLAIN = b"HTTP/1.1 503 Busy\r\nContent-Length: 10\r\nX: y\r\n\r\nwarming up"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nwar\r\n7;x=y\r\nming up\r\n0\r\n\r\n"
)
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + PLAIN


def read(data: bytes, *, piece: int = 10_000, has_body: bool = True) -> HttpAnswer:
    answer = HttpAnswer(has_body=has_body)
    for at in range(0, len(data), piece):
        assert not answer.is_whole
        answer.feed(data[at : at + piece])
    return answer


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize(("data", "status"), [(PLAIN, 503), (CHUNKED, 200), (CONTINUED, 503)])
def test_an_answer_is_read_in_pieces_of_any_size(data: bytes, status: int, piece: int) -> None:
    answer = read(data, piece=piece)
    assert (answer.status, answer.body, answer.is_whole) == (status, "warming up", True)


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    answer = read(b"HTTP/1.0 200 OK\n\nhello")
    assert (answer.status, answer.body, answer.is_whole) == (200, "hello", False)


def test_answers_that_have_no_body_are_whole_with_their_head() -> None:
    assert read(b"HTTP/1.1 204 No Content\r\n\r\n").is_whole
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", has_body=False).is_whole


def test_what_is_not_http_has_no_status_but_a_beginning() -> None:
    answer = read(b"SSH-2.0-OpenSSH_9.2\r\n")
    assert (answer.status, answer.is_whole) == (None, False)
    assert answer.beginning.startswith("SSH-2.0")


def test_only_the_beginning_of_a_body_is_kept() -> None:
    assert len(read(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000).body) == 1024


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_no_bytes_make_reading_fail(pieces: list[bytes]) -> None:
    answer = HttpAnswer(has_body=True)
    for piece in [b"HTTP/1.1 200 OK\r\n", *pieces]:
        answer.feed(piece)
        assert isinstance(answer.is_whole, bool)
        assert isinstance(answer.body + answer.beginning, str)
