import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.testing.load.reply import EXCERPT, MAX_HEAD, MalformedReply, Reply, ReplyReader

OK = b"HTTP/1.1 200 OK\r\nX-Version: 1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nx-version: 2\r\ntransfer-encoding: Chunked\r\n\r\n"
    b"5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\ntrailer: t\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 No Content\r\nx-version: 3\r\n\r\n"
HINTED = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK
BROKEN = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\nconnection: close\r\n\r\n"
    b"no healthy upstream"
)
WHOLE = [OK, CHUNKED, EMPTY, HINTED, BROKEN]


def read(data: bytes) -> Reply:
    reply = ReplyReader().feed(data)
    assert reply is not None
    return reply


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(at)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (OK, Reply(200, "1", True, "")),
        (CHUNKED, Reply(200, "2", True, "")),
        (EMPTY, Reply(204, "3", True, "")),
        (HINTED, Reply(200, "1", True, "")),
        (BROKEN, Reply(503, "", False, "no healthy upstream")),
    ],
)
def test_a_reply_that_comes_at_once_is_read(data: bytes, expected: Reply) -> None:
    assert read(data) == expected


@given(st.lists(st.sampled_from(WHOLE), min_size=1, max_size=4), st.lists(st.integers(0, 2000)))
def test_where_the_bytes_are_cut_does_not_matter(replies: list[bytes], cuts: list[int]) -> None:
    reader = ReplyReader()
    for data in replies:
        found = [reader.feed(piece) for piece in pieces(data, cuts)]
        assert found[-1] == read(data)
        assert set(found[:-1]) <= {None}
        assert not reader.has_begun


@given(st.sampled_from(WHOLE), st.data())
def test_a_torn_reply_is_never_taken_for_a_whole_one(data: bytes, draw: st.DataObject) -> None:
    reader = ReplyReader()
    torn = data[: draw.draw(st.integers(1, len(data) - 1))]
    assert reader.feed(torn) is None
    assert reader.has_begun
    assert reader.end() is None


def test_without_a_length_the_reply_ends_with_the_connection() -> None:
    reader = ReplyReader()
    assert reader.feed(b"HTTP/1.0 200 OK\r\nx-version: 1\r\n\r\nhel") is None
    assert reader.feed(b"lo") is None
    assert reader.end() == Reply(200, "1", False, "")


@pytest.mark.parametrize(
    ("fields", "lives"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
    ],
)
def test_who_may_use_the_connection_again(fields: bytes, lives: bool) -> None:
    assert read(fields + b"content-length: 0\r\n\r\n").keeps_alive is lives


def test_bytes_after_the_reply_end_the_connection() -> None:
    reply = read(OK + b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert (reply.status, reply.keeps_alive) == (200, False)


def test_of_a_long_error_page_only_the_beginning_is_kept() -> None:
    reply = read(b"HTTP/1.1 500 Oh\r\ncontent-length: 9000\r\n\r\n" + b"x" * 9000)
    assert reply.excerpt == "x" * EXCERPT


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n",
        b"x" * (MAX_HEAD + 1),
    ],
)
def test_what_is_not_http_is_said_to_be_malformed(data: bytes) -> None:
    with pytest.raises(MalformedReply):
        ReplyReader().feed(data)
