"""A connection to a filter: whatever goes wrong on it, or is odd in an answer, is ``Failed``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from postroom.config.filters import Place

__all__ = ["Failed", "Wire", "connected", "opened"]

_AT_ONCE: Final = 65_536


class Failed(Exception):
    """The filter gave no usable answer; the text says why, in one line."""


class Wire:
    """One connection: a question and its answer, or more of them."""

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
            try:
                self._writer.write_eof()
            except OSError:  # it has hung up, see send
                self._is_cut = True

    def say(self, octets: bytes) -> None:
        """Send a few octets without waiting."""
        if not self._is_cut:
            self._writer.write(octets)

    def close(self) -> None:
        """End the connection; what could not be sent yet is lost."""
        self._writer.transport.abort()

    async def next(self) -> bytes:
        """What has come, at least one octet. Raises Failed at the end of the connection."""
        octets = await self._reader.read(_AT_ONCE)
        if not octets:
            raise Failed("it closed the connection")
        return octets

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


async def opened(place: Place) -> Wire:
    """A new connection; ``Wire.close`` it. Raises Failed."""
    try:
        if place.path:
            return Wire(*await asyncio.open_unix_connection(place.path))
        return Wire(*await asyncio.open_connection(place.host, place.port))
    except TimeoutError:
        raise
    except OSError as error:
        raise Failed(f"no connection: {error.strerror or error}") from error


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[Wire]:
    """A new connection, gone at the end. Raises Failed also for what the body does with it."""
    wire = await opened(place)
    try:
        yield wire
    except ConnectionError as error:
        raise Failed(f"the connection was lost: {error.strerror or error}") from error
    finally:
        wire.close()
