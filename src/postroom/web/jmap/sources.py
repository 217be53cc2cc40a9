"""What a blob id names, wherever its octets lie: an upload, a message, or a part of one.

A part is named by the id of its message and its number, and has no transfer encoding any more
(RFC 8621 §4.1.4). Its octets are decoded as they are read.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from postroom.access.fetch import SMALL
from postroom.message.content import TransferDecoder
from postroom.message.part import Part
from postroom.message.scan import Scanner
from postroom.store import outline as rows
from postroom.web.jmap import blob_ids, blobs, bodies
from postroom.web.jmap.account import Account
from postroom.web.jmap.blobs import Blob, Pieces
from postroom.web.jmap.bodies import Node
from postroom.web.jmap.outline import outline_of

MESSAGE: Final = "message/rfc822"
MOST_PATH: Final = 100


async def find(account: Account, ident: str) -> Blob | None:
    """The blob with this id, if the person may read it in that account."""
    base, dash, path = ident.partition("-")
    whole = await _whole(account, base)
    if whole is None or not dash:
        return whole
    numbers = path.split("-")
    if len(numbers) > MOST_PATH or not all(one.isdecimal() and len(one) < 5 for one in numbers):
        return None
    left = tuple(map(int, numbers))
    while True:
        letter = Streamed(whole)
        node = _towards(bodies.nodes(await letter.tree()), left)
        if node is None:
            return None
        whole, left = _part(letter, node), left[len(node.path) :]
        if not left:
            return whole


async def _whole(account: Account, ident: str) -> Blob | None:
    place = blob_ids.read(ident)
    if place is None:
        return await blobs.find(account, ident)
    return await message(account, place.message_id)


async def message(account: Account, message_id: int) -> Blob | None:
    """A message that the person may read, as it is stored."""
    if (await outline_of(account)).email(message_id) is None:
        return None
    store = account.store
    found = (await store.read(rows.stored, account.number, [message_id])).get(message_id)
    if found is None:
        return None
    prefix, blob_id = found.prefix, found.blob_id

    async def pieces() -> AsyncIterator[bytes]:
        if prefix:
            yield prefix
        async for piece in store.blobs.stream(store.db, blob_id):
            yield piece

    return Blob(found.size, MESSAGE, pieces)


class Streamed:
    """A message of which only what is asked for is in memory (``letters.Letter``)."""

    def __init__(self, blob: Blob) -> None:
        self.blob = blob
        self._tree: Part | None = None

    async def tree(self) -> Part:
        """The MIME tree."""
        if self._tree is None:
            scanner = Scanner()
            async for piece in self.blob.pieces():
                if len(piece) > SMALL:
                    await asyncio.to_thread(scanner.feed, piece)
                else:
                    scanner.feed(piece)
            self._tree = scanner.finish()
        return self._tree

    async def octets(self, start: int, end: int) -> bytes:
        """Some of it."""
        return b"".join([piece async for piece in self.between(start, end)])

    async def between(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The same in pieces."""
        at = 0
        async for piece in self.blob.pieces():
            if at >= end:
                return
            wanted = piece[max(0, start - at) : max(0, end - at)]
            at += len(piece)
            if wanted:
                yield wanted


def _towards(top: Node, path: tuple[int, ...]) -> Node | None:
    """The part of this number, or the message that it is in."""
    for node in top.below():
        if node.is_multipart or node.path != path[: len(node.path)]:
            continue
        if node.path == path or node.part.content_type[0] == "message":
            return node
    return None


def _part(letter: Streamed, node: Node) -> Blob:
    part = node.part

    async def pieces() -> Pieces:
        decoder = TransferDecoder(part.encoding)
        async for piece in letter.between(part.body_start, part.end):
            is_large = len(piece) > SMALL
            yield await asyncio.to_thread(decoder.feed, piece) if is_large else decoder.feed(piece)
        yield decoder.finish()

    is_exact = part.encoding not in {"base64", "quoted-printable"}
    return Blob(part.size, node.type, pieces, is_exact)


def part_id(ident: str, path: tuple[int, ...]) -> str:
    """The id of a part of a blob."""
    return "-".join([ident, *map(str, path)])
