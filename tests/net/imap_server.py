"""A small IMAP server of others, real on the wire: mailboxes in memory, and tricks to play.

``tricks`` are called with each command line before it is answered: what they return is said
instead, None is the usual answer, and ``DROP`` ends the connection.
"""

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from tests.net import street

DROP: Final = b"\0drop"
DATE: Final = b"17-Jul-2024 02:44:25 -0700"


class Message(msgspec.Struct):
    uid: int
    octets: bytes
    flags: bytes = b""
    date: bytes = DATE
    gmail: int = 0


class Box(msgspec.Struct):
    messages: list[Message] = msgspec.field(default_factory=list)
    attributes: bytes = b""
    uidvalidity: int = 7


class ImapServer:
    def __init__(
        self, boxes: dict[bytes, Box], *, capabilities: bytes = b"AUTH=PLAIN SASL-IR"
    ) -> None:
        self.boxes = boxes
        self.capabilities = b"IMAP4rev1 " + capabilities
        self.password = "secret word"
        self.trick: Callable[[bytes], bytes | None] = lambda _line: None
        self.lines: list[bytes] = []
        self.connections = 0
        self.greeting = b"* OK hello\r\n"
        self.port = 0
        self.context: ssl.SSLContext | None = None
        self.left = asyncio.Event()
        self._box = Box()

    @contextlib.asynccontextmanager
    async def running(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator["ImapServer"]:
        async with street.serving(self._serve, tls=tls) as self.port:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(self.greeting)
        while line := (await reader.readline()).rstrip(b"\r\n"):
            tag, _, words = line.partition(b" ")
            self.lines.append(words)
            said = self.trick(words)
            if said == DROP:
                return
            if said is not None:
                writer.write(said.replace(b"TAG", tag))
                await writer.drain()
                continue
            if words.startswith(b"STARTTLS") and self.context is not None:
                writer.write(tag + b" OK begin\r\n")
                await writer.start_tls(self.context)
                continue
            if words == b"AUTHENTICATE PLAIN":
                writer.write(b"+ \r\n")
                words += b" " + (await reader.readline()).strip()
            for one in self._answer(words):
                writer.write(one + b"\r\n")
                await writer.drain()
            verb = words.split(b" ")[0]
            good = not verb.startswith((b"LOGIN", b"AUTH")) or self._is_login(words)
            writer.write(
                tag + (b" OK done\r\n" if good else b" NO [AUTHENTICATIONFAILED] wrong\r\n")
            )
            if verb == b"LOGOUT":
                self.left.set()
                return

    def _is_login(self, words: bytes) -> bool:
        if words.startswith(b"AUTHENTICATE"):
            return base64.b64decode(words.split()[-1]).split(b"\0")[-1] == self.password.encode()
        return words.endswith(b'"%b"' % self.password.encode())

    def _answer(self, words: bytes) -> list[bytes]:
        if words == b"CAPABILITY":
            return [b"* CAPABILITY " + self.capabilities]
        if words.startswith(b"LIST"):
            return [
                b'* LIST (%b) "." "%b"' % (box.attributes, name) for name, box in self.boxes.items()
            ]
        if words.startswith(b"STATUS"):
            name = words.split(b'"')[1]
            return [b'* STATUS "%b" (MESSAGES %d)' % (name, len(self.boxes[name].messages))]
        if words.startswith((b"EXAMINE", b"SELECT")):
            self._box = self.boxes[words.split(b'"')[1]]
            return [
                b"* %d EXISTS" % len(self._box.messages),
                b"* OK [UIDVALIDITY %d] here" % self._box.uidvalidity,
            ]
        if words.startswith(b"UID STORE"):
            for number in words.split()[2].split(b","):
                for one in self._box.messages:
                    if one.uid == int(number):
                        one.flags += b" \\Deleted"
        if words.startswith((b"UID EXPUNGE", b"EXPUNGE")):
            self._box.messages = [one for one in self._box.messages if b"Deleted" not in one.flags]
        if b"FETCH" in words:
            return self._fetch(words)
        return []

    def _fetch(self, words: bytes) -> list[bytes]:
        by_uid, numbers = words.startswith(b"UID"), words.split(b"FETCH ")[1].split(b" ")[0]
        found = []
        for place, one in enumerate(self._box.messages, 1):
            if not _has(numbers, one.uid if by_uid else place):
                continue
            items = [b"UID %d" % one.uid]
            if b"FLAGS" in words:
                items += [
                    b"FLAGS (%b)" % one.flags.strip(), b'INTERNALDATE "%b"' % one.date,
                    b"RFC822.SIZE %d" % len(one.octets),
                ]  # fmt: skip
            if b"X-GM-MSGID" in words:
                items.append(b"X-GM-MSGID %d" % one.gmail)
            if part := re.search(rb"BODY\.PEEK\[\]<(\d+)\.(\d+)>", words):
                start, size = int(part[1]), int(part[2])
                octets = one.octets[start : start + size]
                items.append(b"BODY[]<%d> {%d}\r\n" % (start, len(octets)) + octets)
            found.append(b"* %d FETCH (%b)" % (place, b" ".join(items)))
        return found


def _has(numbers: bytes, wanted: int) -> bool:
    for part in numbers.split(b","):
        first, _, last = part.partition(b":")
        if int(first) <= wanted <= int(last or first):
            return True
    return False
