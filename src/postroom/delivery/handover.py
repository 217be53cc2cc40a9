"""What the server and its delivery process say to each other, over a pair of sockets.

To the process: how to work (``Begin``), fresh messages (``Passed``), hints that something has
changed (``Hint``), that ends of messages are durable (``Noted``), the order to end (``End``).
From it: the lease under which it takes messages (``Opened``), what came of them (``Concluded``)
and how many it is through with (``Through``), destinations in trouble (``Trouble``), and now and
then what it has counted (``Beat``), by which it shows, too, that it lives.

A frame is four octets of length and a MessagePack value.
"""

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from postroom.config.model import Config
from postroom.delivery.finisher import Finished
from postroom.queue.rows import Outgoing, Queued

_LENGTH: Final = struct.Struct(">I")


class Frame(msgspec.Struct, frozen=True, tag=True):
    """What one process says to the other."""


class Begin(Frame, frozen=True):
    """The first of all: the settings of the server."""

    config: Config


class Passed(Frame, frozen=True):
    """A message that is durable, claimed under the lease of the process.

    ``blob_id`` and ``digest`` name its stored octets, which are ``head`` and ``body``.
    """

    queued: Queued
    outgoing: tuple[Outgoing, ...]
    digest: bytes
    head: bytes
    body: bytes

    @property
    def octets(self) -> int:
        """What it takes in memory, roughly."""
        return len(self.body)


class Hint(Frame, frozen=True):
    """Keys of ``notify`` that have changed."""

    keys: tuple[int, ...]


class Noted(Frame, frozen=True):
    """What ``Concluded`` of this number told is written; ``fault``: why one of them is not."""

    number: int
    fault: str = ""


class End(Frame, frozen=True):
    """Finish what is under way, for at most so many seconds, and end."""

    seconds: float


class Opened(Frame, frozen=True):
    """Messages are taken under this lease; ``node`` is that of all ids the process makes."""

    lease: int
    node: int


class Concluded(Frame, frozen=True):
    """Ends of messages that are to be written; ``number`` is for the answer."""

    number: int
    results: tuple[Finished, ...]


class Through(Frame, frozen=True):
    """So many of the messages that were passed are concluded, or given back."""

    messages: int
    octets: int


class Trouble(Frame, frozen=True):
    """Leave a destination alone until then (UTC ms); 0: all is well there again."""

    destination: str
    until: int


class Beat(Frame, frozen=True):
    """``left``: messages that went to couriers since the last one; ``counts``: events."""

    left: int
    counts: dict[str, int]


Said = Begin | Passed | Hint | Noted | End | Opened | Concluded | Through | Trouble | Beat

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Said)


def encode(said: Said) -> bytes:
    """The octets of a frame: its length, then what it says."""
    octets = _encoder.encode(said)
    return _LENGTH.pack(len(octets)) + octets


class Frames:
    """Frames out of octets that come in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> Iterator[Said]:
        """Every frame that is complete now. Raises msgspec.DecodeError."""
        there = self._rest + octets
        at, view = 0, memoryview(there)
        while len(there) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(there, at)
            end = at + _LENGTH.size + length
            if end > len(there):
                break
            yield _decoder.decode(view[at + _LENGTH.size : end])
            at = end
        self._rest = there[at:]
