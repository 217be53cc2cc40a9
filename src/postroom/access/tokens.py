"""Whose access token is this? Asks the authorization server that the settings name.

Each token is asked about once a minute at most; who waits for the same answer waits
together. A token counts when the server calls it active, when it was made for us (audience
and scope, where the settings want them) and names a mail address that the server vouches for.

RFC 7662 (introspection), RFC 7628 §3 (what tokens are in SASL).
"""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import msgspec

from postroom.config.files import content
from postroom.config.oauth import Oauth
from postroom.errors import Temporary
from postroom.net.addresses import EVERYWHERE
from postroom.net.fetch import Fetched, FetchFailed, Names, Rules, post
from postroom.telemetry import sink
from postroom.telemetry.events import TokenCheckFailed

REMEMBERED_MS: Final = 60_000
MAX_REMEMBERED: Final = 10_000
SECONDS: Final = 5.0


class TokenCheckDown(Temporary):
    """The authorization server gives no answer that could be used."""

    code = 454
    status = "4.7.0"
    text = "Temporary authentication failure, please try again later"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where to ask and what an answer must hold; see ``config.oauth.Oauth``."""

    url: str
    client_id: str
    client_secret: str
    claim: str = "email"
    audience: str = ""
    scope: str = ""
    authorities: str | None = None  # PEM

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Source({self.url!r})"


def source_of(oauth: Oauth) -> Source | None:
    """The source that the settings name, its files read; raises ConfigurationError."""
    if oauth.introspection is None or oauth.client_secret_file is None:
        return None
    return Source(
        url=oauth.introspection,
        client_id=oauth.client_id,
        client_secret=content("oauth.client_secret_file", oauth.client_secret_file).strip(),
        claim=oauth.claim,
        audience=oauth.audience,
        scope=oauth.scope,
        authorities=content("oauth.ca_file", oauth.ca_file) if oauth.ca_file else None,
    )


class Tokens:
    """Asks and remembers. ``clock`` is UTC milliseconds."""

    def __init__(self, source: Source, resolver: Names, clock: Callable[[], int]) -> None:
        self._source = source
        self._resolver = resolver
        self._clock = clock
        self._remembered: dict[bytes, tuple[str, int]] = {}  # digest: address, until
        self._asked: dict[bytes, asyncio.Future[str | None]] = {}
        port = source.url.partition("://")[2].partition("/")[0].rpartition(":")[2]
        self._rules = Rules(
            seconds=SECONDS,
            ports=(int(port) if port.isdigit() else 443,),
            allow_private=EVERYWHERE,  # the postmaster has named it
            authorities=source.authorities,
        )

    async def address_of(self, token: str) -> str | None:
        """The mail address of the token's owner, None when it is not good here.

        Raises TokenCheckDown when the server can't be asked.
        """
        digest = hashlib.sha256(token.encode()).digest()
        address, until = self._remembered.get(digest, ("", 0))
        if until - REMEMBERED_MS <= self._clock() < until:  # a clock that went back proves nothing
            return address
        asked = self._asked.get(digest)
        if asked is None:
            asked = self._asked[digest] = asyncio.ensure_future(self._ask(digest, token))
            asked.add_done_callback(lambda _: self._asked.pop(digest))
        return await asyncio.shield(asked)

    async def _ask(self, digest: bytes, token: str) -> str | None:
        source = self._source
        pair = f"{quote_plus(source.client_id)}:{quote_plus(source.client_secret)}"
        try:
            answer = await post(
                source.url,
                urlencode({"token": token, "token_type_hint": "access_token"}).encode(),
                self._resolver,
                self._rules,
                content_type="application/x-www-form-urlencoded",
                authorization="Basic " + base64.b64encode(pair.encode()).decode(),
            )
            claims = _claims(source.url, answer)
        except FetchFailed as error:
            sink.emit(TokenCheckFailed(reason=str(error)))
            raise TokenCheckDown(detail=error.reason) from error
        address = self._judge(claims)
        if address is not None:
            self._remember(digest, address, claims.get("exp"))
        return address

    def _judge(self, claims: dict[str, Any]) -> str | None:
        source = self._source
        if claims.get("active") is not True or claims.get("email_verified") is False:
            return None
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if source.audience and source.audience not in audiences:
            return None
        if source.scope and source.scope not in str(claims.get("scope", "")).split():
            return None
        expires = claims.get("exp")
        if isinstance(expires, int | float) and expires * 1000 <= self._clock():
            return None
        address = claims.get(source.claim)
        return address if isinstance(address, str) and address else None

    def _remember(self, digest: bytes, address: str, expires: object) -> None:
        until = self._clock() + REMEMBERED_MS
        if isinstance(expires, int | float):
            until = min(until, int(expires * 1000))
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]  # the oldest
        self._remembered[digest] = (address, until)


def _claims(url: str, answer: Fetched) -> dict[str, Any]:
    """The JSON object of an answer; raises FetchFailed."""
    if answer.status != 200:
        raise FetchFailed(url, f"the server answers {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise FetchFailed(url, f"the answer is no JSON object: {error}") from error
