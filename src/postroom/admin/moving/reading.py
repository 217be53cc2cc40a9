"""Chunks of messages as they are read from a source: small ones in memory, ready to compare.

A chunk holds at most ``MOST`` messages and a little more than ``MAX_OCTETS``; a large message
is the last of its chunk and stays with its source until it is filed. Runs in a thread.
"""

import contextlib
import hashlib
import zlib
from collections.abc import Iterator
from typing import IO, Final

import msgspec

from postroom.admin.moving.source import Found, LeftOut
from postroom.message.lineends import LineEnds

MOST: Final = 200
MAX_OCTETS: Final = 2 << 20
SMALL: Final = 64 * 1024  # octets of a message that is read whole
MAX_MESSAGE: Final = 1 << 30
NUL: Final = b"?"  # stands for a NUL octet, which no message may hold

TROUBLE: Final = (OSError, EOFError, zlib.error, ValueError)


class Read(msgspec.Struct):
    """A message: ``octets`` with CRLF and its ``digest``, or ``stream`` of a large one.

    ``key`` names it instead of its digest, across all folders, and only one of that key is filed.
    """

    found: Found
    octets: bytes = b""
    digest: bytes = b""
    stream: IO[bytes] | None = None
    has_nul: bool = False
    key: bytes = b""

    def close(self) -> None:
        """Let the source go."""
        if self.stream is not None:
            self.stream.close()


class Chunk(msgspec.Struct):
    """What was read, and what could not be; ``known`` were not read, as they came before."""

    messages: list[Read] = msgspec.field(default_factory=list)
    left_out: list[LeftOut] = msgspec.field(default_factory=list)
    known: int = 0

    def close(self) -> None:
        """Let the source go."""
        for one in self.messages:
            one.close()


def read_chunk(items: Iterator[Found | LeftOut]) -> Chunk:
    """The next chunk; empty at the end."""
    chunk = Chunk()
    octets = 0
    try:
        for item in items:
            if isinstance(item, LeftOut):
                chunk.left_out.append(item)
            elif isinstance(one := _read(item), LeftOut):
                chunk.left_out.append(one)
            else:
                chunk.messages.append(one)
                octets += len(one.octets)
                if one.stream is not None:
                    break
            if len(chunk.messages) + len(chunk.left_out) >= MOST or octets >= MAX_OCTETS:
                break
    except BaseException:
        chunk.close()
        raise
    return chunk


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """The octets of a large message. Raises one of ``TROUBLE``."""
    octets = 0
    while block := stream.read(SMALL):
        octets += len(block)
        if octets > MAX_MESSAGE:
            raise ValueError("it is larger than 1 GB, or was compressed to have no end")
        yield block


def _read(found: Found) -> Read | LeftOut:
    try:
        with contextlib.ExitStack() as closing:
            stream = closing.enter_context(contextlib.closing(found.content()))
            begin = _whole(stream)
            if len(begin) > SMALL:
                closing.pop_all()
                return Read(found, octets=begin, stream=stream)
    except TROUBLE as error:
        return LeftOut(found.origin, reason(error), found.weight)
    if not begin:
        return LeftOut(found.origin, "it is empty", found.weight)
    return small(found, begin)


def small(found: Found, octets: bytes) -> Read:
    """A message that is in memory."""
    has_nul = b"\0" in octets
    ends = LineEnds()
    octets = ends.feed(octets.replace(b"\0", NUL) if has_nul else octets) + ends.finish()
    return Read(found, octets, hashlib.sha256(octets).digest(), has_nul=has_nul)


def _whole(stream: IO[bytes]) -> bytes:
    """The beginning, all of it when it is small."""
    octets = b""
    while len(octets) <= SMALL and (block := stream.read(SMALL + 1 - len(octets))):
        octets += block
    return octets


def reason(error: BaseException) -> str:
    """Why something can't be read, for people."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
