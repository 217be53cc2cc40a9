"""A message on its way in: from the line buffer to content, with its size and its flaws."""

from postroom.protocol.lines import Lines
from postroom.protocol.smtp.content import ChunkReader, DotReader
from postroom.protocol.smtp.events import Defect


class Dots:
    """The message of DATA."""

    __slots__ = ("_limit", "_reader", "_size")

    def __init__(self, limit: int) -> None:
        """``limit`` in octets, 0 for none."""
        self._limit = limit
        self._reader = DotReader()
        self._size = 0

    @property
    def is_complete(self) -> bool:
        """The line with the dot has come."""
        return self._reader.is_complete

    @property
    def is_last(self) -> bool:
        """The message ends here."""
        return True

    @property
    def defect(self) -> Defect | None:
        """The worst that is wrong with the message."""
        return "too-big" if 0 < self._limit < self._size else self._reader.flaw

    def read(self, lines: Lines) -> bytes:
        """The content that has come; beyond the limit nothing more."""
        if not len(lines):
            return b""
        reader = self._reader
        content = reader.feed(lines.take_all())
        if reader.rest:
            lines.put_back(reader.rest)
            reader.rest = b""
        self._size += len(content)
        return b"" if 0 < self._limit < self._size else content


class Chunks:
    """The message of BDAT and BURL: ``expect`` each chunk. Exactly its octets are taken."""

    __slots__ = ("_left", "_limit", "_reader", "_size", "chunk", "is_last")

    def __init__(self, limit: int) -> None:
        """``limit`` in octets, 0 for none."""
        self._limit = limit
        self._reader = ChunkReader()
        self._size = 0
        self._left = 0
        self.chunk = 0
        self.is_last = False

    def expect(self, size: int, *, is_last: bool) -> None:
        """A chunk follows."""
        self._left = self.chunk = size
        self.is_last = is_last

    @property
    def is_complete(self) -> bool:
        """The chunk has come."""
        return self._left == 0

    @property
    def defect(self) -> Defect | None:
        """The worst that is wrong with the message."""
        return "too-big" if 0 < self._limit < self._size else self._reader.flaw

    def quote(self, octets: bytes) -> bytes:
        """More octets of a chunk that does not come over the connection: what is content."""
        self.chunk += len(octets)
        return self._taken(octets)

    def read(self, lines: Lines) -> bytes:
        """The content that has come; beyond the limit nothing more."""
        octets = lines.take(self._left)
        self._left -= len(octets)
        content = self._taken(octets)
        return content + self._reader.finish() if self.is_last and not self._left else content

    def _taken(self, octets: bytes) -> bytes:
        self._size += len(octets)
        content = self._reader.feed(octets)
        return b"" if 0 < self._limit < self._size else content
