"""Writes mail as mbox files (mboxrd), one a mailbox: lines end in LF."""

import re
import time
from pathlib import Path
from typing import IO, Final

from postroom.admin.moving import mbox_fields
from postroom.admin.moving.mbox_fields import Kept
from postroom.admin.moving.writer import Places, Stored
from postroom.store.mailboxes import Mailbox
from postroom.store.names import SEPARATOR

_MAX_LEVEL: Final = 240  # octets
_HELD: Final = 64 * 1024  # octets of a line that are looked at together
_QUOTE: Final = re.compile(rb"^(?=>*From )", re.MULTILINE)
_SENDER: Final = re.compile(r"[!-~]+")


class MboxWriter:
    """Into an empty folder: for each mailbox ``begin``, then its messages, then ``end``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._places = Places()
        self._file: IO[bytes] | None = None
        self._begin = 0
        self._held = b""
        self._is_inside = False  # the held octets go on with a line

    def begin(self, mailbox: Mailbox) -> str:
        """A mailbox; its place below the root."""
        *above, last = mailbox.name.split(SEPARATOR)
        levels = [*(f"{level}.sbd" for level in above), f"{last}.mbox"]
        fits = all(len(level.encode()) <= _MAX_LEVEL and level[0] != "." for level in levels)
        place = self._places.take("/".join(levels) if fits else "", "postroom-{}.mbox")
        path = self._root / place
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = path.open("xb")
        return place

    def open(self, stored: Stored) -> None:
        """A message begins."""
        if self._file is None:
            return
        self._begin = self._file.tell()
        self._held, self._is_inside = b"", False
        sender = stored.sender if _SENDER.fullmatch(stored.sender) else "MAILER-DAEMON"
        moment = time.asctime(time.gmtime(stored.received // 1000))
        kept = Kept(stored.flags, stored.keywords, stored.received, stored.open)
        self._file.write(f"From {sender} {moment}\n".encode() + mbox_fields.written(kept))

    def write(self, block: bytes) -> None:
        """The next octets of the message."""
        octets = self._held + block
        cut = octets.rfind(b"\n") + 1
        if not cut and len(octets) > _HELD:
            cut = len(octets) - 1  # a CR may be half of a line end
        self._held = octets[cut:]
        if cut:
            self._put(octets[:cut])

    def close(self, stored: Stored, *, is_whole: bool = True) -> None:
        """The message is complete; or it is damaged, and does not stay."""
        if self._file is None:
            return
        if not is_whole:
            self._file.seek(self._begin)
            self._file.truncate()
            return
        if self._held:
            self._put(self._held)
        self._file.write(b"\n\n" if stored.open else b"\n")

    def end(self) -> None:
        """The mailbox is complete."""
        if self._file is not None:
            self._file.close()

    def _put(self, octets: bytes) -> None:
        first = b""
        if self._is_inside:
            first, end, octets = octets.partition(b"\n")
            first += end
        self._is_inside = not (octets or first).endswith(b"\n")
        lines = first + _QUOTE.sub(b">", octets)
        if self._file is not None:
            self._file.write(lines.replace(b"\r\n", b"\n"))
