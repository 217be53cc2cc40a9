"""URLs of messages for others: made by their owner, believed as long as their key is there.

What a URL names is read with the rights that its owner has at that moment. ``submit+`` URLs
are for who submits what they name (``submitted``), and for nobody else. RFC 4467, RFC 4468.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from postroom.access.places import Places, Sharing
from postroom.access.quoting import Quoted, Quoting, read
from postroom.directory.login import Identity
from postroom.errors import Permanent, Refused
from postroom.protocol.imap.urlauth import (
    AuthorizedUrl,
    authorized,
    is_genuine,
    parse_authorized,
)
from postroom.protocol.imap.urls import BadUrl
from postroom.store import urlkeys
from postroom.store.store import Store

KEY_SIZE: Final = 32  # octets

Known = Callable[[str], Awaitable[Identity | None]]


class Vanished(Permanent):
    """What a URL names was deleted while it was read."""

    code = 554
    status = "5.6.6"
    text = "What the URL names is not there any more"


class UrlAuth:
    """What one person may do with such URLs."""

    def __init__(
        self, person: Identity, store: Store, sharing: Sharing, places: Places, known: Known
    ) -> None:
        """``known`` finds the person behind the user of a URL."""
        self._person = person
        self._store = store
        self._sharing = sharing
        self._places = places
        self._known = known

    async def generate(self, url: bytes) -> bytes:
        """Authorize a URL; raises BadUrl unless it names something of the person's own.

        The mailbox must exist, the message need not (RFC 4467 §8).
        """
        parsed = parse_authorized(url)
        if parsed.mechanism:
            raise BadUrl("it is authorized already")
        if not _is(self._person, parsed.owner):
            raise BadUrl("its user is not the one who is logged in")
        try:
            place = await self._places.get(parsed.mailbox)
        except Refused as error:
            raise BadUrl(str(error)) from None
        key = await self._store.write(
            urlkeys.make,
            self._person.account_id,
            place.mailbox.id,
            secrets.token_bytes(KEY_SIZE),
        )
        return authorized(parsed.rump, key)

    async def reset(self, mailbox: str | None) -> None:
        """End all that was authorized, in a mailbox or everywhere. Raises NotFound."""
        mailbox_id = None if mailbox is None else (await self._places.get(mailbox)).mailbox.id
        await self._store.write(urlkeys.forget, self._person.account_id, mailbox_id)

    async def find(self, url: bytes) -> tuple[AuthorizedUrl, Quoted]:
        """What a URL names; raises BadUrl for whatever this person may not have."""
        parsed = parse_authorized(url)
        if not self._may_fetch(parsed):
            raise BadUrl("it is not for you, or not any more")
        return parsed, await self._find(parsed)

    async def submitted(self, url: bytes) -> Quoted:
        """What a URL names that this person submits; raises BadUrl."""
        parsed = parse_authorized(url)
        is_meant = parsed.access == "submit+" and _is(self._person, parsed.name)
        if not is_meant or self._is_over(parsed):
            raise BadUrl("it is not for you to submit, or not any more")
        return await self._find(parsed)

    async def _find(self, parsed: AuthorizedUrl) -> Quoted:
        owner = await self._known(parsed.owner)
        if owner is None or not _is(owner, parsed.owner):
            raise BadUrl("its user is not known")
        places = Places(owner, self._store, self._sharing)
        try:
            place = await places.get(parsed.mailbox)
        except Refused as error:
            raise BadUrl(str(error)) from None
        key = await self._store.read(urlkeys.find, owner.account_id, place.mailbox.id)
        if key is None or not is_genuine(parsed, key):
            raise BadUrl("its authorization is not valid")
        return await Quoting(places, self._store, None).locate(parsed.message)

    def _may_fetch(self, url: AuthorizedUrl) -> bool:
        if self._is_over(url):
            return False
        if url.access == "user+":
            return _is(self._person, url.name)
        return url.access in ("authuser", "anonymous")

    def _is_over(self, url: AuthorizedUrl) -> bool:
        return url.expires is not None and url.expires <= self._store.clock()


async def submitted(
    person: Identity, url: str, *, store: Store, sharing: Sharing, known: Known
) -> tuple[int, AsyncIterator[bytes]] | None:
    """What a URL names that a person submits: how many octets, and they; None for nothing."""
    urls = UrlAuth(person, store, sharing, Places(person, store, sharing), known)
    try:
        quoted = await urls.submitted(url.encode())
    except BadUrl:
        return None
    return quoted.size, _pieces(quoted)


async def _pieces(quoted: Quoted) -> AsyncIterator[bytes]:
    try:
        async for piece in read(quoted):
            yield piece
    except Refused as error:
        raise Vanished from error


def _is(person: Identity, name: str) -> bool:
    return person.address.casefold() == name.casefold()
