import asyncio

import pytest

from postroom.errors import Refused
from postroom.web.mail.leaving import leave
from rig.dns import DnsServer
from tests.net.test_fetch import ZONE, resolving, rules
from tests.net.web import NAME, Parts, WebServer, serving


async def left(parts: Parts) -> tuple[str, list[bytes]]:
    async with serving(WebServer(parts)) as web, resolving(DnsServer(ZONE)) as resolver:
        url = f"https://{NAME}:{web.port}/off?me"
        return await leave(url, resolver, rules(web)), web.requests


def test_the_list_is_asked_with_one_request() -> None:
    host, asked = asyncio.run(left([b"HTTP/1.1 204 No Content\r\n\r\n"]))
    assert host == NAME
    (request,) = asked
    assert request.startswith(b"POST /off?me HTTP/1.1\r\n")
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in request
    assert b"Content-Length: 26\r\n" in request
    assert b"Cookie" not in request


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", "it answers 410"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://x.test/\r\n\r\n", "redirects"),
    ],
)
def test_what_it_does_not_take_is_told_with_its_page(answer: bytes, words: str) -> None:
    with pytest.raises(Refused, match=f"{words}.*leave the list at its page: https://"):
        asyncio.run(left([answer]))
