"""Messages to read from: their MIME trees, octets of them, decoded sizes of their parts.

One that is at hand is read there; of one that is stored, only what is asked for. What is more than
64 KiB is worked on beside the event loop.
"""

import asyncio
from collections import OrderedDict
from typing import Final, Protocol

from postroom.access.fetch import SMALL, tree_of_blob
from postroom.errors import MailError
from postroom.message.content import TransferDecoder
from postroom.message.part import Part
from postroom.message.scan import scan
from postroom.store.store import Store

PIECE: Final = 1 << 20


class Letter(Protocol):
    """A message without the lines that were put before it; offsets are those of its tree."""

    async def tree(self) -> Part:
        """The MIME tree."""

    async def octets(self, start: int, end: int) -> bytes:
        """Some of it; less where it ends."""


class Whole:
    """A message at hand."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._tree: Part | None = None

    async def tree(self) -> Part:
        """The MIME tree."""
        if self._tree is None:
            if len(self._octets) > SMALL:
                self._tree = await asyncio.to_thread(scan, self._octets)
            else:
                self._tree = scan(self._octets)
        return self._tree

    async def octets(self, start: int, end: int) -> bytes:
        """Some of it."""
        return self._octets[start:end]


class Stored:
    """A message in the store, by its blob; one that can't be read is empty."""

    def __init__(self, source: Store, blob_id: int) -> None:
        self.source = source
        self.trees: OrderedDict[int, Part] = OrderedDict()
        self._blob_id = blob_id

    async def tree(self) -> Part:
        """The MIME tree; it reads all of the message the first time."""
        try:
            return await tree_of_blob(self, self._blob_id)
        except MailError:
            return self.trees.setdefault(self._blob_id, Part())

    async def octets(self, start: int, end: int) -> bytes:
        """Some of it."""
        if end <= start:
            return b""
        source = self.source
        try:
            return b"".join(
                [p async for p in source.blobs.stream(source.db, self._blob_id, start, end - start)]
            )
        except MailError:
            return b""


async def decoded_size(letter: Letter, part: Part) -> int:
    """The octets of a part without its transfer encoding (RFC 8621 §4.1.4, ``size``)."""
    if part.encoding not in {"base64", "quoted-printable"}:
        return part.size
    decoder = TransferDecoder(part.encoding)
    size = 0
    for start in range(part.body_start, part.end, PIECE):
        piece = await letter.octets(start, min(start + PIECE, part.end))
        if len(piece) > SMALL:
            size += len(await asyncio.to_thread(decoder.feed, piece))
        else:
            size += len(decoder.feed(piece))
    return size + len(decoder.finish())
