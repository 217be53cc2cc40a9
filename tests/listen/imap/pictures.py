"""IMAP clients that keep a picture of a mailbox, made of nothing but what the server said.

A ``Picture`` is what a client of that kind (``Kind``) would hold in its cache: the UIDs by
their numbers, flags, MODSEQs, and the HIGHESTMODSEQ that RFC 7162 §6 lets it keep. It
fails where the server says what it must not say to such a client.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence

import msgspec

from tests.listen.imap.house import PATIENCE, House

_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
_FETCH = re.compile(rb"\* (\d+) (UID)?FETCH \((.*)\)\r\n\Z", re.DOTALL)
_SET = re.compile(rb"[\d:,]+")


class Kind(msgspec.Struct, frozen=True):
    """What a client enables."""

    name: str
    enable: bytes = b""
    select: bytes = b""

    @property
    def knows_modseq(self) -> bool:
        return b"CONDSTORE" in self.select or self.qresync

    @property
    def qresync(self) -> bool:
        return b"QRESYNC" in self.enable

    @property
    def uidonly(self) -> bool:
        return b"UIDONLY" in self.enable

    @property
    def has_vanished(self) -> bool:
        return self.qresync or self.uidonly

    @property
    def rev2(self) -> bool:
        return b"IMAP4rev2" in self.enable


KINDS = (
    Kind("rev1"),
    Kind("condstore", select=b" (CONDSTORE)"),
    Kind("qresync", b"QRESYNC"),
    Kind("rev2", b"IMAP4rev2"),
    Kind("uidonly", b"UIDONLY"),
    Kind("everything", b"QRESYNC UIDONLY IMAP4rev2"),
)


def numbers(text: bytes) -> list[int]:
    """A set as the server writes it."""
    found: list[int] = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        found += range(int(low), int(high or low) + 1)
    return found


def write(uids: Iterable[int]) -> bytes:
    return b",".join(b"%d" % uid for uid in uids)


class Picture:
    """One client and what it believes."""

    def __init__(self, home: House, kind: Kind, mailbox: bytes) -> None:
        self.home = home
        self.kind = kind
        self.mailbox = mailbox
        self.uids: list[int] = []  # 0 where the client knows of a message but not its UID
        self.flags: dict[int, frozenset[bytes]] = {}
        self.modseqs: dict[int, int] = {}
        self.keywords = frozenset[bytes]()  # that FLAGS told, with the system flags
        self.validity = 0
        self.highest = 0
        self._in_command = (0, 0)  # the highest MODSEQ told, the last HIGHESTMODSEQ
        self._number = 0

    # The connection

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.home.port)
        await self.reader.readline()
        await self.command(b"LOGIN alice@demo.test secret")
        if self.kind.enable:
            await self.command(b"ENABLE " + self.kind.enable)

    def disconnect(self) -> None:
        self.writer.close()

    async def response(self) -> bytes:
        """One response with its literals."""
        whole = b""
        while True:
            whole += await asyncio.wait_for(self.reader.readline(), PATIENCE)
            assert whole, "the connection ended"
            found = _LITERAL.search(whole)
            if found is None:
                return whole
            whole += await self.reader.readexactly(int(found[1]))

    async def exchange(self, command: bytes, *answers: bytes) -> tuple[list[bytes], bytes]:
        """The untagged responses and the tagged one, not looked at yet."""
        self._number += 1
        tag = b"t%d " % self._number
        self.writer.write(tag + command + b"\r\n")
        return await self.until(tag, *answers)

    async def until(self, tag: bytes, *answers: bytes) -> tuple[list[bytes], bytes]:
        lines: list[bytes] = []
        while not (line := await self.response()).startswith(tag):
            lines.append(line)
        assert line.removeprefix(tag).startswith(answers or b"OK "), line
        return lines, line

    async def command(self, command: bytes, *answers: bytes) -> bytes:
        """Run a command, learn from it; the tagged response."""
        lines, tagged = await self.exchange(command, *answers)
        self.learn(lines, tagged)
        return tagged

    async def idle(self) -> bytes:
        """Begin IDLE; its tag, for ``until``."""
        self._number += 1
        tag = b"t%d " % self._number
        self.writer.write(tag + b"IDLE\r\n")
        while not (line := await self.response()).startswith(b"+"):
            self.hear(line)
        return tag

    # The mailbox

    async def select(self) -> None:
        """Open it with an empty cache."""
        await self.command(b"SELECT " + self.mailbox + self.kind.select)
        await self.discover()

    async def resync(self, known: bytes) -> None:
        """Come back with a cache: what is not told has not changed (RFC 7162 §3.2.5)."""
        cached = list(self.uids)
        self.uids = []
        parameters = b"%d %d%s" % (self.validity, self.highest, known)
        lines, tagged = await self.exchange(
            b"SELECT %s (QRESYNC (%s))" % (self.mailbox, parameters)
        )
        gone = {
            uid
            for line in lines
            if line.startswith(b"* VANISHED (EARLIER)")
            for uid in numbers(line.split()[3])
        }
        exists = next(int(line.split()[1]) for line in lines if line.endswith(b" EXISTS\r\n"))
        self.uids = [uid for uid in cached if uid not in gone]
        self._forget(gone)
        assert exists >= len(self.uids), (exists, self.uids)
        self.uids += [0] * (exists - len(self.uids))
        self.learn(lines, tagged)
        await self.discover()

    async def discover(self) -> None:
        """Fetch what is known to be there and no more."""
        if 0 not in self.uids:
            return
        last = max(self.uids)
        items = b"FLAGS MODSEQ" if self.kind.knows_modseq else b"FLAGS"
        lines, tagged = await self.exchange(b"UID FETCH %d:* (%s)" % (last + 1, items))
        self.learn(lines, tagged)
        if 0 in self.uids:
            await self.discover()

    def learn(self, lines: Sequence[bytes], tagged: bytes = b"") -> None:
        """All that a command told, to its end."""
        self._in_command = (0, 0)
        for line in lines:
            self.hear(line)
        self._code(tagged)
        told, highest = self._in_command
        if highest:  # RFC 7162 §6: it counts more than all MODSEQs
            self.highest = highest
        elif told > self.highest:
            self.highest = told

    def hear(self, line: bytes) -> None:
        """One untagged response."""
        if found := _FETCH.match(line):
            self._fetched(int(found[1]), bool(found[2]), found[3])
        elif line.startswith(b"* FLAGS ("):
            self.keywords = frozenset(line[9:-3].split())
        elif line.endswith(b" EXISTS\r\n"):
            count = int(line.split()[1])
            assert count >= len(self.uids), (line, self.uids)
            self.uids += [0] * (count - len(self.uids))
        elif line.endswith(b" EXPUNGE\r\n"):
            assert not self.kind.has_vanished, line
            self._forget([self.uids.pop(int(line.split()[1]) - 1)])
        elif line.startswith(b"* VANISHED (EARLIER)"):
            assert self.kind.qresync, line
        elif line.startswith(b"* VANISHED "):
            assert self.kind.has_vanished, line
            gone = numbers(line.split()[2])
            for uid in gone:
                self._vanished(uid)
            self._forget(gone)
        elif line.endswith(b" RECENT\r\n"):
            assert not self.kind.rev2, line
        self._code(line)

    def _fetched(self, number: int, by_uid: bool, text: bytes) -> None:
        assert by_uid is self.kind.uidonly, text
        said = re.search(rb"\bUID (\d+)", text)
        if by_uid:
            uid = number
            if uid not in self.uids:  # new ones come in the order of the mailbox
                assert uid > max(self.uids), (uid, self.uids)
                self.uids[self.uids.index(0)] = uid
        elif said:
            uid = int(said[1])
            assert self.uids[number - 1] in (0, uid), (number, uid, self.uids)
            self.uids[number - 1] = uid
        else:
            uid = self.uids[number - 1]
        if flags := re.search(rb"FLAGS \(([^)]*)\)", text):
            names = flags[1].split()
            assert not (self.kind.rev2 and b"\\Recent" in names), text
            self.flags[uid] = frozenset(names) - {b"\\Recent"}
            assert self.flags[uid] <= self.keywords, (text, self.keywords)  # RFC 3501 §7.2.6
        if modseq := re.search(rb"MODSEQ \((\d+)\)", text):
            assert self.kind.knows_modseq, text
            self.modseqs[uid] = int(modseq[1])
            told, highest = self._in_command
            self._in_command = max(told, int(modseq[1])), highest

    def _vanished(self, uid: int) -> None:
        """Only what was announced may vanish (RFC 7162 §3.2.10.2), by EXISTS at least."""
        if uid in self.uids:
            self.uids.remove(uid)
            return
        places = [at for at, known in enumerate(self.uids) if not known]
        if not self.kind.uidonly:
            places = [
                at
                for at in places
                if max(self.uids[:at], default=0) < uid
                and all(known > uid for known in self.uids[at:] if known)
            ]
        assert places, (uid, self.uids)
        del self.uids[places[0]]

    def _code(self, line: bytes) -> None:
        if found := re.search(rb"\[HIGHESTMODSEQ (\d+)\]", line):
            self._in_command = self._in_command[0], int(found[1])
        if found := re.search(rb"\[UIDVALIDITY (\d+)\]", line):
            assert self.validity in (0, int(found[1]))
            self.validity = int(found[1])

    def _forget(self, uids: Iterable[int]) -> None:
        for uid in uids:
            self.flags.pop(uid, None)
            self.modseqs.pop(uid, None)
