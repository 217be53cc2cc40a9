"""Access tokens, asked about at a real HTTPS server."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import pytest

from postroom.access.tokens import REMEMBERED_MS, Source, TokenCheckDown, Tokens, source_of
from postroom.config.oauth import Oauth
from postroom.errors import ConfigurationError
from postroom.net.dns import Resolver
from postroom.telemetry.events import TokenCheckFailed
from rig.dns import DnsServer
from tests.certificates import AUTHORITY
from tests.fakes import Clock, Recorder
from tests.net.web import NAME, WebServer, serving

GOOD: Final = {"active": True, "email": "alice@demo.test"}


def answer(claims: object, status: bytes = b"200 OK") -> list[bytes]:
    body = json.dumps(claims).encode()
    return [b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)]


def source(port: int, **more: str) -> Source:
    return Source(
        url=f"https://{NAME}:{port}/introspect",
        client_id="post room",
        client_secret="s:cret",
        authorities=AUTHORITY.cert_pem.bytes().decode(),
        **more,
    )


def asking(
    web: WebServer, main: Callable[[Tokens, Clock], Coroutine[Any, Any, None]], **more: str
) -> None:
    async def within() -> None:
        rig = DnsServer({(NAME, "A"): ["127.0.0.1"]})
        async with serving(web), rig:
            resolver = Resolver([rig.address])
            clock = Clock()
            try:
                await main(Tokens(source(web.port, **more), resolver, clock), clock)
            finally:
                await resolver.close()

    asyncio.run(within())


def test_what_is_asked_and_how_long_it_is_remembered() -> None:
    web = WebServer(answer(GOOD))

    async def main(tokens: Tokens, clock: Clock) -> None:
        found = await asyncio.gather(*[tokens.address_of("to+ken") for _ in range(5)])
        assert found == ["alice@demo.test"] * 5
        assert web.connections == 1
        clock.now += REMEMBERED_MS - 1
        assert await tokens.address_of("to+ken") == "alice@demo.test"
        assert web.connections == 1
        clock.now += 1
        assert await tokens.address_of("to+ken") == "alice@demo.test"
        assert web.connections == 2
        clock.now -= 2 * REMEMBERED_MS  # the clock was wrong
        assert await tokens.address_of("to+ken") == "alice@demo.test"
        assert web.connections == 3

    asking(web, main)
    head = web.requests[0]
    assert head.startswith(b"POST /introspect HTTP/1.1\r\n")
    basic = base64.b64encode(b"post+room:s%3Acret")
    assert b"Authorization: Basic " + basic + b"\r\n" in head
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in head


@pytest.mark.parametrize(
    ("claims", "more", "address"),
    [
        ({"active": False, "email": "alice@demo.test"}, {}, None),
        ({"active": "true", "email": "alice@demo.test"}, {}, None),
        ({"active": True}, {}, None),
        ({"active": True, "email": ["alice@demo.test"]}, {}, None),
        ({**GOOD, "email_verified": False}, {}, None),
        ({**GOOD, "exp": 1}, {}, None),
        ({**GOOD, "username": "bob@demo.test"}, {"claim": "username"}, "bob@demo.test"),
        ({**GOOD, "aud": "other"}, {"audience": "mail"}, None),
        ({**GOOD, "aud": ["other", "mail"]}, {"audience": "mail"}, "alice@demo.test"),
        (GOOD, {"audience": "mail"}, None),
        ({**GOOD, "scope": "openid imap"}, {"scope": "imap"}, "alice@demo.test"),
        ({**GOOD, "scope": "openid"}, {"scope": "imap"}, None),
    ],
)
def test_which_tokens_count(claims: object, more: dict[str, str], address: str | None) -> None:
    async def main(tokens: Tokens, _: Clock) -> None:
        assert await tokens.address_of("t") == address

    asking(WebServer(answer(claims)), main, **more)


def test_a_token_is_forgotten_when_it_expires() -> None:
    clock = Clock()
    web = WebServer(answer({**GOOD, "exp": clock.now // 1000 + 10}))

    async def main(tokens: Tokens, clock: Clock) -> None:
        assert await tokens.address_of("t") == "alice@demo.test"
        clock.now += 11_000
        assert await tokens.address_of("t") is None
        assert web.connections == 2

    asking(web, main)


@pytest.mark.parametrize(
    "parts",
    [
        answer({}, b"401 Unauthorized"),
        answer([]),
        [b"HTTP/1.1 200 OK\r\n\r\nno json"],
        [b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\n\r\n"],
        [],
    ],
)
def test_a_server_that_gives_no_answer(parts: list[bytes], events: Recorder) -> None:
    async def main(tokens: Tokens, _: Clock) -> None:
        with pytest.raises(TokenCheckDown):
            await tokens.address_of("secret-token")

    asking(WebServer(parts), main)
    (told,) = events.of(TokenCheckFailed)
    assert "secret-token" not in told.reason
    assert "cret" not in told.reason


def test_the_source_of_the_settings(tmp_path: Path) -> None:
    assert source_of(Oauth()) is None
    secret = tmp_path / "secret"
    oauth = Oauth(introspection="https://idp.test/i", client_id="x", client_secret_file=str(secret))
    with pytest.raises(ConfigurationError, match=r"oauth\.client_secret_file"):
        source_of(oauth)
    secret.write_text("s3cret\n")
    found = source_of(oauth)
    assert found is not None
    assert found.client_secret == "s3cret"
    assert "s3cret" not in repr(found)
