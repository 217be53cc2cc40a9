"""The octets of one message, from the first block of content to a blob.

A message of up to 64 KiB is kept as it comes and handled in one go. Of a longer one the
header block is kept (it is bounded), the body goes on at once to the scanner and to the
blob's writer, so memory does not grow with the message. What is wrong with it is
remembered in ``refusal``; the rest is then swallowed, the reply belongs to its end.

``sample`` are the first octets of the body: all of a short message, enough to judge a long one.
"""

from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

from postroom.blobs.store import BlobStore, BlobWriter, Prepared
from postroom.errors import MailError
from postroom.intake.limits import HEADER_TOO_LARGE, header_fault
from postroom.message import headers, trace
from postroom.message.headers import EMPTY_LINE, MAX_HEADER
from postroom.message.lineends import LineEnds
from postroom.message.scan import Part, Scanner, scan
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.replies import Reply

SMALL: Final = 64 * 1024  # octets that are kept in memory
_LOOK_AGAIN: Final = 32 * 1024  # more octets before the end of the header is sought again


class Reader(Protocol):
    """Reads the body along, as it comes."""

    def feed(self, block: bytes) -> None:
        """The next octets of the body."""


class Arrival:
    """``take`` blocks; ``finish``; then ``prepared``. ``abort`` leaves nothing."""

    def __init__(
        self,
        blobs: BlobStore,
        *,
        max_message: int,
        mends: bool,
        reader: Callable[[bytes], Reader | None] | None = None,
        is_judged: bool = False,
    ) -> None:
        """``max_message`` 0 is no limit; ``mends``: a bare CR or LF becomes CRLF.

        ``is_judged``: our spam filter looks at it, so marks of others are none.

        ``reader`` is asked with the header block for what reads the body along.
        """
        self.refusal: Reply | None = None
        self.sample = b""
        self.size = 0
        self.head = b""
        self.is_judged = is_judged
        self.is_amended = False
        """Nothing in ``head`` claims falsely to be ours: it was cleaned before it was changed."""
        self._part: Part | None = None
        self.is_ascii = True
        self._blobs = blobs
        self._limit = max_message
        self._ends = LineEnds() if mends else None
        self._octets: bytes | bytearray = b""
        self._body = b""
        self._next_look = SMALL
        self._writer: BlobWriter | None = None
        self._scanner: Scanner | None = None
        self._reader_of = reader
        self._reader: Reader | None = None

    @property
    def stored_size(self) -> int:
        """Octets of header block and body, line ends mended."""
        return self.part.end

    @property
    def part(self) -> Part:
        """The MIME tree. Of a small message it is made when it is first asked for."""
        if self._part is None:
            self._part = scan(self.head + self._body)
        return self._part

    async def take(self, octets: bytes) -> None:
        """The next octets."""
        if self.refusal is not None:
            return
        self.size += len(octets)
        if 0 < self._limit < self.size:
            await self.refuse(replies.MESSAGE_TOO_BIG)
            return
        if self._ends is not None:
            octets = self._ends.feed(octets)
        if self._writer is not None:
            await self._write(octets)
            return
        if not self._octets:
            self._octets = octets
        else:
            if isinstance(self._octets, bytes):
                self._octets = bytearray(self._octets)
            self._octets += octets
        if len(self._octets) > self._next_look:
            await self._begin_writing()

    async def finish(self) -> None:
        """Everything has come: ``head`` is known, or ``refusal``."""
        if self._ends is not None:
            await self.take(self._ends.finish())
        if self.refusal is not None:
            return
        if self._scanner is not None:
            self._part = self._scanner.finish()
            return
        octets = bytes(self._octets)
        self._octets = b""
        self.head, self._body = headers.split(octets)
        self.refusal = header_fault(self.head)
        if self.refusal is None:
            self.is_ascii = octets.isascii()
            self.sample = self._body
            self._begin_reading(self._body)

    @property
    def small_body(self) -> bytes | None:
        """The body of a message that is in memory; None of one that is not."""
        return self._body if self._writer is None else None

    async def body(self) -> AsyncIterator[bytes]:
        """The body in pieces, from the disk if it is there; until it is ``prepared``.

        Raises MailError.
        """
        if self._writer is None:
            yield self._body
            return
        async for piece in self._writer.octets():
            yield piece

    def another(self, most: int) -> "Arrival":
        """One for another body, of ``most`` octets; begin it with an empty line."""
        return Arrival(self._blobs, max_message=most, mends=True)

    async def take_body(self, other: "Arrival") -> None:
        """The body of one that has come whole stands in the place of this one's."""
        await self.abort()
        self._body, self.sample, self._writer = other.give_body()

    def give_body(self) -> tuple[bytes, bytes, BlobWriter | None]:
        """The body in memory, the first octets, the body on disk; they are another's now."""
        writer, self._writer = self._writer, None
        return self._body, self.sample, writer

    async def amend(self, head: bytes) -> None:
        """Another header block, or another body below this one. Raises MailError."""
        self.head, self.is_amended = head, True
        self.is_ascii = head.isascii() and self._body.isascii()
        self._part = None
        if self._writer is None:
            return
        scanner = Scanner()
        scanner.feed(head)
        async for piece in self._writer.octets():
            self.is_ascii = self.is_ascii and piece.isascii()
            scanner.feed(piece)
        self._part = scanner.finish()

    def cleaned(self, head: bytes, hostname: str) -> bytes:
        """This header block, or one made of it, without what claims falsely to be ours."""
        if self.is_amended:
            return head
        return trace.strip_own(head, hostname, is_judged=self.is_judged)

    async def prepared(self, head: bytes) -> Prepared:
        """The blob of this header block and the body that came. Raises MailError."""
        writer, self._writer = self._writer, None
        if writer is None:
            return self._blobs.small(head, self._body)
        return await writer.finish(head)

    async def refuse(self, refusal: Reply) -> None:
        """Remember the refusal, forget the octets."""
        self.refusal = refusal
        await self.abort()

    async def abort(self) -> None:
        """Leave nothing behind. Harmless at any time."""
        self._octets = b""
        self._body = b""
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.abort()

    async def _begin_writing(self) -> None:
        octets = bytes(self._octets)
        if octets.startswith(b"\r\n"):
            end = 2
        else:
            found = EMPTY_LINE.search(octets)
            end = found.end() if found else 0
        if not end and len(octets) <= MAX_HEADER:
            self._next_look = len(octets) + _LOOK_AGAIN
            return
        self.head = octets[:end]
        fault = header_fault(self.head) if end else HEADER_TOO_LARGE
        if fault is not None:
            await self.refuse(fault)
            return
        self._octets = b""
        self._writer = self._blobs.writer()
        self._scanner = Scanner()
        self._scanner.feed(self.head)
        self.is_ascii = self.head.isascii()
        self.sample = octets[end : end + SMALL]
        self._begin_reading(b"")
        await self._write(octets[end:])

    def _begin_reading(self, body: bytes) -> None:
        """The header block is known, and perhaps this of the body."""
        if self._reader_of is not None:
            self._reader = self._reader_of(self.head)
            if self._reader is not None:
                self._reader.feed(body)

    async def _write(self, octets: bytes) -> None:
        if not octets or self._writer is None or self._scanner is None:
            return
        if self.is_ascii and not octets.isascii():
            self.is_ascii = False
        self._scanner.feed(octets)
        if self._reader is not None:
            self._reader.feed(octets)
        try:
            await self._writer.write(octets)
        except MailError as error:
            await self.refuse(replies.reply_to(error))
