"""Writes mail as Maildir++: what Dovecot, Courier and mutt read.

Messages are as they are kept, with CRLF. Order and UIDs are in ``dovecot-uidlist``.
"""

import os
import secrets
from pathlib import Path
from typing import IO, Final

from postroom.admin.moving import maildir
from postroom.admin.moving.source import FLAG_LETTERS
from postroom.admin.moving.writer import Places, Stored
from postroom.protocol.imap.names import encode_name
from postroom.store.mailboxes import INBOX, Mailbox
from postroom.store.names import SEPARATOR

_MAX_NAME: Final = 200  # octets of a folder's file name
_LETTERS: Final = 26


class MaildirWriter:
    """Into an empty folder: for each mailbox ``begin``, then its messages, then ``end``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._places = Places()
        self._folder = root
        self._uidlist: IO[str] | None = None
        self._message: IO[bytes] | None = None
        self._letters: dict[str, str] = {}
        self._further: list[str] = []

    def begin(self, mailbox: Mailbox) -> str:
        """A mailbox; its place below the root."""
        name = ".".join(map(_encoded, mailbox.name.split(SEPARATOR)))
        place = self._places.take(f".{name}" if len(name) <= _MAX_NAME else "", ".postroom-{}")
        place = "." if mailbox.name == INBOX else place
        self._folder = self._root / place
        for part in ("cur", "new", "tmp"):
            (self._folder / part).mkdir(parents=True, mode=0o700)
        if place != ".":
            (self._folder / "maildirfolder").touch()
        self._uidlist = (self._folder / maildir.UIDLIST).open("x", encoding="utf-8")
        guid = secrets.token_hex(16)
        self._uidlist.write(f"3 V{mailbox.uidvalidity} N{mailbox.uidnext} G{guid}\n")
        self._letters, self._further = {}, []
        return place

    def open(self, stored: Stored) -> None:
        """A message begins."""
        seconds, ms = divmod(stored.received, 1000)
        base = f"{seconds}.M{ms:03}000P{stored.uid}.postroom,S={stored.size}"
        info = "".join(letter for letter, bit in sorted(FLAG_LETTERS.items()) if stored.flags & bit)
        words = stored.keywords.split()
        if all(map(self._has_letter, words)):
            info += "".join(sorted(self._letters[word] for word in words))
        else:
            self._further.append(f"{base}\t{stored.keywords}\n")
        if self._uidlist is not None:
            self._uidlist.write(f"{stored.uid} :{base}\n")
        self._message = (self._folder / "cur" / f"{base}:2,{info}").open("xb")

    def write(self, block: bytes) -> None:
        """The next octets of the message."""
        if self._message is not None:
            self._message.write(block)

    def close(self, stored: Stored, *, is_whole: bool = True) -> None:
        """The message is complete; or it is damaged, and does not stay."""
        message, self._message = self._message, None
        if message is None:
            return
        message.close()
        if is_whole:
            os.utime(message.name, ns=(stored.received * 1_000_000,) * 2)
        else:
            Path(message.name).unlink()

    def end(self) -> None:
        """The mailbox is complete."""
        if self._message is not None:
            self._message.close()
        if self._uidlist is not None:
            self._uidlist.close()
        if self._letters:
            lines = [f"{ord(letter) - ord('a')} {word}\n" for word, letter in self._letters.items()]
            (self._folder / maildir.KEYWORDS).write_text("".join(lines), encoding="utf-8")
        if self._further:
            path = self._folder / maildir.FURTHER_KEYWORDS
            path.write_text("".join(self._further), encoding="utf-8")

    def _has_letter(self, word: str) -> bool:
        if word not in self._letters and len(self._letters) < _LETTERS:
            self._letters[word] = chr(ord("a") + len(self._letters))
        return word in self._letters


def _encoded(level: str) -> str:
    """A level as it stands in a file name: modified UTF-7, without a dot."""
    return encode_name(level).replace(b".", b"&AC4-").decode("ascii")
