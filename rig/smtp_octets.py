"""What comes in at the server of ``rig.smtp``: lines, blocks of content, chunks.

Only CR LF ends a line, and only CR LF . CR LF a message.
"""

import asyncio
from typing import Final

BLOCK: Final = 65_536


class Gone(Exception):
    """The conversation is over."""


class Octets:
    """Octets of one client, in order. Everything raises Gone when no more come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()

    def forget(self) -> None:
        """What came before TLS does not count."""
        self._buffer.clear()

    async def line(self) -> bytes:
        """The next one, without its end."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            await self._writer.drain()
            await self.more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def exactly(self, size: int) -> bytes:
        """So many."""
        while len(self._buffer) < size:
            await self.more()
        octets = bytes(self._buffer[:size])
        del self._buffer[:size]
        return octets

    async def block(self, previous: bytes) -> tuple[bytes, bool]:
        """Whole lines of content, and whether they are the last.

        It is cut before a dot that may be the end; ``previous`` is the line end before it.
        """
        buffer = self._buffer
        while True:
            end = (previous + buffer).find(b"\r\n.\r\n") if buffer else -1
            if end >= 0:
                block = bytes(buffer[: max(0, end + 2 - len(previous))])
                del buffer[: end + 5 - len(previous)]
                return block, True
            cut = buffer.rfind(b"\r\n", 0, max(0, len(buffer) - 3))
            if cut >= 0 and len(buffer) >= BLOCK // 2:
                block = bytes(buffer[: cut + 2])
                del buffer[: cut + 2]
                return block, False
            await self.more()

    async def silence(self) -> None:
        """Read on until the client goes away."""
        while await self._reader.read(BLOCK):
            pass

    async def more(self) -> None:
        """Wait for some."""
        block = await self._reader.read(BLOCK)
        if not block:
            raise Gone
        self._buffer += block
