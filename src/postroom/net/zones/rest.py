"""Calls of a provider's JSON interface: guarded, bounded, patient where it asks for patience.

429 with Retry-After (RFC 6585 §4, RFC 9110 §10.2.3) is waited for and asked again; a longer
pause than a minute is an error.
"""

import asyncio
import urllib.parse
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Final, TypeVar

import msgspec

from postroom.net import fetch
from postroom.net.fetch import Fetched, FetchFailed, Names, Rules
from postroom.net.zones.zone import ZoneFailed

TRIES: Final = 4
LONGEST_PAUSE: Final = 60  # seconds
PAUSE: Final = 5  # seconds, where none is named
MAX_BODY: Final = 4 << 20  # octets of one answer
MOST_PAGES: Final = 200
SECONDS: Final = 30.0  # for each call
_ANYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where an interface is and how to get in.

    ``authorization`` is the whole header field. ``is_own``: somebody named the address on
    purpose, so it may be in a private network. ``authorities`` as in ``fetch.Rules``.
    """

    url: str
    authorization: str
    is_own: bool = False
    authorities: str | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.url})"


class Rest:
    """Calls below one address."""

    def __init__(
        self, endpoint: Endpoint, resolver: Names, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._endpoint = endpoint
        self._resolver = resolver
        self._sleep = sleep
        self._rules = Rules(
            seconds=SECONDS,
            max_body=MAX_BODY,
            ports=(urllib.parse.urlsplit(endpoint.url).port or 443,),
            allow_private=_ANYWHERE if endpoint.is_own else (),
            authorities=endpoint.authorities,
        )

    async def call(self, method: str, path: str, body: object = None) -> Fetched:
        """An answer, whatever its status but 429. Raises ZoneFailed."""
        url = path if path.startswith(self._endpoint.url) else self._endpoint.url + path
        octets = b"" if body is None else msgspec.json.encode(body)
        pauses = 0
        while True:
            try:
                found = await fetch.send(
                    method, url, self._resolver, self._rules, body=octets,
                    content_type="application/json",
                    authorization=self._endpoint.authorization,
                )  # fmt: skip
            except FetchFailed as error:
                raise ZoneFailed(str(error)) from error
            if found.status != 429:
                return found
            pause = _seconds(found.header("retry-after"))
            pauses += 1
            if pauses == TRIES or pause > LONGEST_PAUSE:
                raise ZoneFailed(
                    f"{self._host}: too many requests; it wants us to wait {pause} seconds"
                )
            await self._sleep(pause)

    def refusal(self, found: Fetched, words: str = "") -> ZoneFailed:
        """What an answer other than success says."""
        if found.status in {401, 403}:
            words = f"{words or 'it says no'}; is the token right, and may it change this zone?"
        return ZoneFailed(f"{self._host} answers {found.status}: {words or _excerpt(found)}")

    def read(self, found: Fetched, wanted: type[T]) -> T:
        """The body; raises ZoneFailed when it is not what it should be."""
        try:
            return msgspec.json.decode(found.body, type=wanted)
        except msgspec.DecodeError as error:
            raise ZoneFailed(f"{self._host} answers something unexpected: {error}") from error

    @property
    def _host(self) -> str:
        return urllib.parse.urlsplit(self._endpoint.url).netloc


def _seconds(header: str) -> int:
    return int(header) if header.isascii() and header.isdigit() and len(header) < 9 else PAUSE


def _excerpt(found: Fetched) -> str:
    text = found.body[:300].decode("utf-8", "replace")
    return "".join(one if one.isprintable() else " " for one in text).strip() or "nothing more"
