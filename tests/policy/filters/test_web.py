"""One request, one bounded response, whatever the other side is."""

from collections.abc import AsyncIterator, Sequence

import pytest

from postroom.policy.filters import web
from postroom.policy.filters.wire import Failed
from tests.loop import patiently
from tests.policy.filters.fakes import Http, Talk, endless, listening, silent


def asked(fake: Talk, fields: Sequence[tuple[str, str]] = (), size: int = 12) -> bytes:
    async def body() -> AsyncIterator[bytes]:
        for piece in (b"first ", b"", b"second"):
            yield piece

    async def run() -> bytes:
        async with listening(fake) as place:
            return await web.post(place, "/x", fields, size, body())

    return patiently(run())


def test_a_request_and_its_response() -> None:
    fake = Http(b"fine")
    assert asked(fake, [("Helo", "a"), ("Rcpt", "1"), ("Rcpt", "2")]) == b"fine"
    assert fake.body == b"first second"
    assert fake.head.startswith(b"POST /x HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nHelo: a\r\nRcpt: 1\r\nRcpt: 2\r\n" in fake.head


def test_an_answer_may_end_with_the_connection_or_come_in_chunks() -> None:
    raw = b"HTTP/1.1 200 OK\r\n\r\nfine"
    assert asked(Http(raw=raw)) == b"fine"
    raw = b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n"
    assert asked(Http(raw=raw)) == b"fine"


def test_a_value_ends_no_field() -> None:
    fake = Http(b"fine")
    asked(fake, [("Helo", " x\r\nEvil: 1\0"), ("From", "j\u00f6rg@a.test")])
    assert b"\r\nEvil" not in fake.head
    assert b"\r\nFrom: j\xc3\xb6rg@a.test\r\n" in fake.head


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nContent-Length: nan\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
        b"SPAMD/1.1 0 EX_OK\r\n\r\n",
    ],
)
def test_nonsense_is_a_failure(raw: bytes) -> None:
    with pytest.raises(Failed, match="status|not HTTP|longer than|lost"):
        asked(Http(raw=raw))


@pytest.mark.parametrize("talk", [silent, endless])
def test_no_http_at_all(talk: Talk) -> None:
    with pytest.raises(Failed, match="not HTTP|lost|without an answer|longer than"):
        asked(talk)


def test_a_body_of_another_size_is_not_sent_as_whole() -> None:
    with pytest.raises(Failed):
        asked(Http(b"fine"), size=5)
