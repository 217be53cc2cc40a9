"""A message on its way into the store: octets in blocks of any cut become a blob.

The header block is kept (it is bounded), the body streams into the blob writer, so memory
does not grow with the message. A bare CR or LF becomes CRLF, and so does CR CR LF. What is
kept is text: binary content of literal8 is encoded anew, so that BINARY finds the same octets
in it. That is done in memory, up to ``MAX_BINARY`` of a message and ``MAX_TOGETHER`` of all;
more is refused (RFC 3516 §4.4), as is NUL from others.
"""

import asyncio
from typing import Final

import msgspec

from postroom.access.binary import UnknownEncoding
from postroom.blobs.store import BlobStore, Prepared
from postroom.blobs.writer import BlobWriter
from postroom.errors import Invalid, Refused
from postroom.message.index import Indexed, index
from postroom.message.lineends import LineEnds
from postroom.message.part import Part
from postroom.message.scan import Scanner
from postroom.message.sevenbit import NotConvertible, convert

MAX_HEAD: Final = 256 * 1024  # octets of header block; what follows counts as body
SMALL: Final = 64 * 1024  # octets of body kept in memory and written at once
BLOCK: Final = 64 * 1024
MAX_BINARY: Final = 4 << 20  # octets of a message with binary content
MAX_TOGETHER: Final = 64 << 20


class Arrived(msgspec.Struct, frozen=True):
    """A message that is ready to be filed; ``size`` is in octets."""

    blob: Prepared
    indexed: Indexed
    size: int


class _Raw:
    """Octets as they came, while they may have to be encoded; of all messages together few."""

    __slots__ = ("octets",)
    together = 0

    def __init__(self) -> None:
        self.octets = bytearray()

    def add(self, block: bytes) -> bool:
        """False: there is no room."""
        _Raw.together += len(block)
        self.octets += block
        return len(self.octets) <= MAX_BINARY and _Raw.together <= MAX_TOGETHER

    def drop(self) -> None:
        """Hold nothing any more."""
        _Raw.together -= len(self.octets)
        self.octets = bytearray()


class Incoming:
    """One message: ``write``.., then ``finish`` or ``abort``."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._is_binary = False
        self._raw: _Raw | None = None
        self._writer: BlobWriter | None = None
        self._begin()

    def _begin(self) -> None:
        self._ends = LineEnds()
        self._scanner = Scanner()
        self._head = b""
        self._has_head = False
        self._body: list[bytes] = []
        self._body_size = 0

    def expect_binary(self) -> None:
        """Any octets can come from here on (literal8)."""
        if not self._is_binary and not self._head and not self._has_head:
            self._raw = _Raw()
        self._is_binary = True

    async def write(self, block: bytes) -> None:
        """The next octets of the message."""
        if self._raw is not None and not self._raw.add(block):
            self._drop_raw()
        await self._take(self._ends.feed(block))

    async def finish(self, *, apart: bool = False) -> Arrived:
        """All octets have come. ``apart``: see ``BlobWriter.finish``.

        Raises Invalid when there were none, Refused for NUL, UnknownEncoding for binary
        content that can't be encoded, MailError.
        """
        await self._take(self._ends.finish())
        if self._ends.has_nul and not self._is_binary:
            raise Refused("a message must not contain NUL octets")
        tree = self._scanner.finish()
        if self._is_binary and (
            self._ends.has_nul or (self._ends.has_mended and _has_binary_part(tree))
        ):
            await self._encode()
            tree = self._scanner.finish()
        self._drop_raw()
        size = len(self._head) + self._body_size
        if not size:
            raise Invalid("an empty message can't be kept")
        indexed = index(self._head, tree)
        if apart and self._writer is None:
            self._writer = self._blobs.writer()
            await self._writer.write(b"".join(self._body))
        if self._writer is None:
            prepared = self._blobs.writer().write_small(self._head, b"".join(self._body))
        else:
            prepared = await self._writer.finish(self._head, apart=apart)
            self._writer = None
        return Arrived(prepared, indexed, size)

    async def abort(self) -> None:
        """Leave nothing behind."""
        self._drop_raw()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.abort()

    async def _encode(self) -> None:
        """Take the message anew, with its binary content encoded. Raises UnknownEncoding."""
        if self._raw is None:
            raise UnknownEncoding("This much binary content can't be kept, encode it in base64")
        try:
            encoded = await asyncio.to_thread(convert, b"", bytes(self._raw.octets))
        except NotConvertible as error:
            raise UnknownEncoding(f"The binary content can't be encoded: {error}") from None
        await self.abort()
        self._begin()
        for octets in (encoded.head, encoded.body):
            for start in range(0, len(octets), BLOCK):
                await self.write(octets[start : start + BLOCK])
        await self._take(self._ends.finish())

    def _drop_raw(self) -> None:
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.drop()

    async def _take(self, block: bytes) -> None:
        if not block or self._ends.has_nul:
            return
        self._scanner.feed(block)
        if not self._has_head:
            block = self._take_head(block)
        if block:
            await self._take_body(block)

    def _take_head(self, block: bytes) -> bytes:
        """Collect the header block; what is left of the block belongs to the body."""
        head = self._head + block
        end = 2 if head.startswith(b"\r\n") else head.find(b"\r\n\r\n", self._searched()) + 4
        if end < 4 and not head.startswith(b"\r\n"):
            if len(head) <= MAX_HEAD:
                self._head = head
                return b""
            end = MAX_HEAD
        self._head, self._has_head = head[:end], True
        return head[end:]

    def _searched(self) -> int:
        return max(0, len(self._head) - 3)

    async def _take_body(self, block: bytes) -> None:
        self._body_size += len(block)
        if self._writer is None:
            self._body.append(block)
            if self._body_size <= SMALL:
                return
            self._writer = self._blobs.writer()
            block = b"".join(self._body)
            self._body = []
        await self._writer.write(block)


def _has_binary_part(tree: Part) -> bool:
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if part.encoding == "binary":
            return True
        waiting += part.children
        if part.message is not None:
            waiting.append(part.message)
    return False
