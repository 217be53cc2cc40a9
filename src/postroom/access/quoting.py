"""Parts of messages that are there already, for a new one that quotes them by URL.

A URL is only believed after the person could have fetched what it names: mailbox, right to
read it, UIDVALIDITY, message, section. Octets flow in pieces, unchanged.

RFC 4469 §3, RFC 5092.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from postroom.access import fetch
from postroom.access.pages import FetchRow, message
from postroom.access.places import Places
from postroom.access.view import View
from postroom.errors import NotFound, Refused
from postroom.protocol.imap.urls import BadUrl, MessageUrl, parse_url
from postroom.store.store import Store

MAX_VIEWS: Final = 4  # mailboxes kept open


class Quoted(msgspec.Struct, frozen=True):
    """What a URL names: ``size`` octets from ``start`` on, or ``octets`` picked together."""

    row: FetchRow
    start: int
    size: int
    octets: bytes | None = None


class Quoting:
    """Finds what the URLs of one command name; a few mailboxes are kept open for it."""

    def __init__(self, places: Places, store: Store, selected: View | None) -> None:
        self._places = places
        self._store = store
        self._selected = selected
        self._views: dict[str, View] = {}

    async def find(self, url: bytes) -> Quoted:
        """What a URL names; raises BadUrl for whatever may not be had."""
        return await self.locate(parse_url(url))

    async def locate(self, named: MessageUrl) -> Quoted:
        """The same of one that was read."""
        try:
            row = await self._row(named)
            quoted = await _located(row, named)
        except Refused as error:
            raise BadUrl(str(error)) from None
        if named.partial is None:
            return quoted
        start = min(named.partial[0], quoted.size)
        size = quoted.size - start
        if named.partial[1] is not None:
            size = min(size, named.partial[1])
        picked = quoted.octets
        if picked is not None:
            picked = picked[start : start + size]
        return Quoted(row, quoted.start + start, size, picked)

    async def _row(self, named: MessageUrl) -> FetchRow:
        view = await self._view(named.mailbox)
        if named.uidvalidity not in (None, view.uidvalidity):
            raise NotFound("the mailbox has another UIDVALIDITY")
        row = await message(view, named.uid, need=frozenset({"head"}))
        if row is None:
            raise NotFound(f"there is no message with the UID {named.uid}")
        return row

    async def _view(self, name: str | None) -> View:
        if name is None:
            if self._selected is None:
                raise NotFound("no mailbox is selected")
            return self._selected
        view = self._views.get(name)
        if view is None:
            place = await self._places.get(name)
            view = await View.open(place, self._store, read_only=True)
            while len(self._views) >= MAX_VIEWS:
                self._views.pop(next(iter(self._views)))
            self._views[name] = view
        return view


async def _located(row: FetchRow, named: MessageUrl) -> Quoted:
    if named.section.piece.startswith("HEADER."):
        octets = await fetch.section(row, named.section)
        if octets is not None:
            return Quoted(row, 0, len(octets), octets)
    else:
        place = await fetch.extent(row, named.section)
        if place is not None:
            return Quoted(row, *place)
    raise NotFound("there is no such section")


async def read(quoted: Quoted) -> AsyncIterator[bytes]:
    """The octets, in pieces."""
    if quoted.octets is not None:
        yield quoted.octets
        return
    async for piece in fetch.pieces(quoted.row, quoted.start, quoted.size):
        yield piece
