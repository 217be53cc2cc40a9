"""A connection to a filter: whatever goes wrong on it, or is odd in an answer, is ``Failed``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from postroom.config.filters import Place

__all__ = ["Failed", "Wire", "connected"]


class Failed(Exception):
    """The filter gave no usable answer; the text says why, in one line."""


class Wire:
    """One question and one answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._is_cut = False

    async def send(self, octets: bytes) -> None:
        """Send, no faster than it is read there.

        A filter may have hung up: it can have answered before it had read everything, so that is
        no failure yet.
        """
        if self._is_cut:
            return
        self._writer.write(octets)
        try:
            await self._writer.drain()
        except ConnectionError:
            self._is_cut = True

    def end(self) -> None:
        """Nothing more is sent; the answer can still come."""
        if not self._is_cut and self._writer.can_write_eof():
            self._writer.write_eof()

    async def some(self, most: int) -> bytes:
        """What has come, b"" at the end. Raises Failed when it is more than ``most`` octets."""
        block = await self._reader.read(most + 1)
        if len(block) > most:
            raise Failed("its answer is longer than it may be")
        return block

    async def answer(self, most: int, *, until: bytes = b"") -> bytes:
        """What comes until the end of the connection, or ``until`` these octets (left out).

        Raises Failed when it is longer than ``most`` octets, empty or cut off.
        """
        got = bytearray()
        while until == b"" or until not in got:
            block = await self.some(most - len(got))
            if not block:
                break
            got += block
        if not got:
            raise Failed("it closed the connection without an answer")
        if until:
            answer, found, _ = bytes(got).partition(until)
            if not found:
                raise Failed("its answer is cut off")
            return answer
        return bytes(got)


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[Wire]:
    """A new connection, gone at the end. Raises Failed also for what the body does with it."""
    try:
        if place.path:
            reader, writer = await asyncio.open_unix_connection(place.path)
        else:
            reader, writer = await asyncio.open_connection(place.host, place.port)
    except TimeoutError:
        raise
    except OSError as error:
        raise Failed(f"no connection: {error.strerror or error}") from error
    try:
        yield Wire(reader, writer)
    except ConnectionError as error:
        raise Failed(f"the connection was lost: {error.strerror or error}") from error
    finally:
        writer.transport.abort()
