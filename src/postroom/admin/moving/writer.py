"""What an export writes to: the same calls for each format. Blocks: for a thread."""

from typing import Protocol

import msgspec

from postroom.store.mailboxes import Mailbox


class Stored(msgspec.Struct, frozen=True):
    """A message of a mailbox. ``open``: its last line has no end. ``sender``: of the envelope."""

    uid: int
    flags: int
    keywords: str
    size: int
    received: int
    sender: str = ""
    open: bool = False


class Writer(Protocol):
    """Into an empty folder: for each mailbox ``begin``, its messages, ``end``."""

    def begin(self, mailbox: Mailbox) -> str:
        """A mailbox begins; its place below the folder."""

    def open(self, stored: Stored) -> None:
        """A message begins."""

    def write(self, block: bytes) -> None:
        """The next octets of the message."""

    def close(self, stored: Stored, *, is_whole: bool = True) -> None:
        """The message is complete; or it is damaged, and does not stay."""

    def end(self) -> None:
        """The mailbox is complete."""


class Places:
    """Places that are taken below a folder, whatever the case of their letters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, wanted: str, numbered: str) -> str:
        """The wanted place, or else one that is numbered."""
        number = 0
        place = wanted
        while not place or place.casefold() in self._taken:
            number += 1
            place = numbered.format(number)
        self._taken.add(place.casefold())
        return place
