r"""Mail at an IMAP server of others, folder by folder; nothing is changed there.

What came before is known by UIDVALIDITY and UID, so it is not read again. Gmail shows a message
in every folder whose label it has, and in "All Mail": it is filed once, where it is met first,
and what is in no other folder goes to the archive. Folders that only show messages of others
(\All, \Flagged, \Important; RFC 6154) are left out elsewhere.

A connection that breaks is opened again, a few times. Large messages come in pieces.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import IO, Final, cast

import msgspec

from postroom.admin.moving import folder_names
from postroom.admin.moving.importing import Came
from postroom.admin.moving.reading import MAX_MESSAGE, Chunk, Read, small
from postroom.admin.moving.source import Folder, Found, LeftOut, keywords
from postroom.net.channel import RemoteFailed
from postroom.net.imap import Folder as Remote, ImapConnection, Selected
from postroom.protocol.imap.client import Untagged
from postroom.protocol.imap.client_values import Value, number, pairs
from postroom.protocol.imap.dates import BadDate, parse_date_time
from postroom.store import imported
from postroom.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

WINDOW: Final = 500  # messages that are asked about together
GROUP: Final = 100  # that are fetched together
MAX_OCTETS: Final = 2 << 20
SMALL: Final = 256 * 1024  # octets of a message that is fetched whole
PIECE: Final = 512 * 1024
RETRIES: Final = 5
PASSES: Final = 3  # over a folder whose messages go away meanwhile

_GMAIL: Final = b"X-GM-EXT-1"
_ITEMS: Final = b"UID FLAGS INTERNALDATE RFC822.SIZE"
_FLAGS: Final = {
    b"\\SEEN": SEEN,
    b"\\ANSWERED": ANSWERED,
    b"\\FLAGGED": FLAGGED,
    b"\\DELETED": DELETED,
    b"\\DRAFT": DRAFT,
}
_USES: Final = {
    "\\sent": "\\Sent",
    "\\trash": "\\Trash",
    "\\junk": "\\Junk",
    "\\drafts": "\\Drafts",
    "\\archive": "\\Archive",
}
_CLOSED: Final = {"\\noselect", "\\nonexistent"}
_VIRTUAL: Final = {"\\all", "\\flagged", "\\important"}

Connect = Callable[[], Awaitable[ImapConnection]]


class Row(msgspec.Struct, frozen=True):
    """What is known of a message before it is read."""

    uid: int
    size: int
    flags: int
    keywords: str
    received: int
    key: bytes


class ImapSource:
    """The mailboxes behind one login; ``open`` asks for their names."""

    def __init__(
        self, connect: Connect, whose: str, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._connect = connect
        self._whose = whose
        self._sleep = sleep
        self._connection: ImapConnection | None = None
        self._raw: dict[str, bytes] = {}
        self.folders: Sequence[Folder] = ()
        self.total = 0

    @classmethod
    async def open(
        cls,
        connect: Connect,
        whose: str,
        only: Sequence[str] = (),
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> "ImapSource":
        """``whose``: server and login. ``only`` these folders. Raises RemoteFailed."""
        source = cls(connect, whose, sleep)
        source._connection = connection = await connect()
        found = await connection.folders()
        is_gmail = _GMAIL in connection.capabilities
        for one, folder in _folders(found, is_gmail=is_gmail):
            if only and folder.place not in only:
                continue
            source._raw[folder.place] = one.raw
            source.folders = (*source.folders, folder)
            source.total += await connection.messages(one.raw)
        if not source.folders:
            raise RemoteFailed(f"{whose}: there is no such folder")
        return source

    async def delete(self, folder: Folder, uids: Sequence[int]) -> None:
        """Delete messages there, for good."""
        if self._connection is None:
            raise RemoteFailed(f"{self._whose}: there is no connection")
        await self._connection.examine(self._raw[folder.place], writes=True)
        for at in range(0, len(uids), GROUP):
            some = b",".join(b"%d" % uid for uid in uids[at : at + GROUP])
            await self._connection.store(some, b"\\Deleted")
            await self._connection.expunge(some)

    async def close(self) -> None:
        """Say goodbye."""
        if self._connection is not None:
            await self._connection.close()

    async def chunks(self, folder: Folder, came: Came) -> AsyncGenerator[Chunk, None]:
        """The messages of a folder. Raises RemoteFailed when the server stays away."""
        failures = 0
        mark = 0  # UIDs up to this were told of
        while True:
            try:
                async for chunk, told in self._passes(folder, came, mark):
                    failures, mark = 0, told
                    yield chunk
                return
            except RemoteFailed as error:
                if error.is_login or failures >= RETRIES:
                    raise
                if error.is_answer:
                    yield Chunk(left_out=[LeftOut(folder.place, str(error))])
                    return
            failures += 1
            await self._sleep(float(1 << failures))
            await self._reconnect()

    async def _reconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        try:
            self._connection = await self._connect()
        except RemoteFailed as error:
            if error.is_login:
                raise
            self._connection = None

    async def _passes(
        self, folder: Folder, came: Came, mark: int
    ) -> AsyncGenerator[tuple[Chunk, int], None]:
        """Chunks, and up to which UID they have told of what is known."""
        connection = self._connection
        if connection is None:
            raise RemoteFailed(f"{self._whose}: there is no connection")
        selected = await connection.examine(self._raw[folder.place])
        for _ in range(PASSES):
            shifts = selected.shifts
            first = 1
            while first <= selected.exists:
                last = min(first + WINDOW - 1, selected.exists)
                rows = await self._rows(connection, selected, folder, (first, last))
                known = await came([row.key for row in rows if row.key])
                told = sum(row.key in known and row.uid > mark for row in rows)
                mark = max([mark, *(row.uid for row in rows)])
                yield Chunk(known=told), mark
                new = [row for row in rows if row.key not in known]
                for group in _groups(new):
                    yield await self._read(connection, folder, group), mark
                first = last + 1
            if selected.shifts == shifts:
                return

    async def _rows(
        self,
        connection: ImapConnection,
        selected: Selected,
        folder: Folder,
        window: tuple[int, int],
    ) -> list[Row]:
        found: dict[int, Row] = {}
        is_gmail = _GMAIL in connection.capabilities
        most = window[1] - window[0] + 1

        def take(one: Untagged) -> None:
            if one.name != b"FETCH" or len(found) >= most or not one.values:
                return
            told = pairs(one.values[0])
            uid = number(told.get(b"UID"), 0xFFFFFFFF)
            if uid and b"RFC822.SIZE" in told:
                found[uid] = _row(uid, told, self._key(selected, folder, uid, told))

        items = _ITEMS + (b" X-GM-MSGID" if is_gmail else b"")
        await connection.fetch(b"%d:%d" % window, items, take, by_uid=False)
        return sorted(found.values(), key=lambda row: row.uid)

    def _key(self, selected: Selected, folder: Folder, uid: int, told: dict[bytes, Value]) -> bytes:
        """What names the message for ever; nothing where the server keeps no UIDVALIDITY."""
        gmail = told.get(b"X-GM-MSGID")
        if isinstance(gmail, bytes):
            return imported.identity("gmail", self._whose, gmail)
        if not selected.uidvalidity:
            return b""
        raw = self._raw[folder.place]
        return imported.identity("imap", self._whose, raw, f"{selected.uidvalidity} {uid}")

    async def _read(self, connection: ImapConnection, folder: Folder, rows: Sequence[Row]) -> Chunk:
        if len(rows) == 1 and rows[0].size > SMALL:
            return await _large(connection, folder, rows[0])
        try:
            return await _small(connection, folder, rows)
        except RemoteFailed as error:
            if not error.is_answer:
                raise
            if len(rows) == 1:
                return Chunk(left_out=[LeftOut(_origin(folder, rows[0]), str(error), 1)])
        chunk = Chunk()  # one of them can't be read: each alone
        for row in rows:
            one = await self._read(connection, folder, [row])
            chunk.messages += one.messages
            chunk.left_out += one.left_out
        return chunk


async def _small(connection: ImapConnection, folder: Folder, rows: Sequence[Row]) -> Chunk:
    """Messages that are fetched together."""
    bodies: dict[int, bytes] = {}
    wanted = {row.uid for row in rows}

    def take(one: Untagged) -> None:
        uid, octets = _body(one)
        if uid in wanted and octets is not None:
            bodies[uid] = octets

    uids = b",".join(b"%d" % row.uid for row in rows)
    limit = SMALL + 1
    await connection.fetch(
        uids,
        b"UID BODY.PEEK[]<0.%d>" % limit,
        take,
        by_uid=True,
        most=len(rows) * 2000 + 4 * MAX_OCTETS,
    )
    chunk = Chunk()
    for row in rows:
        octets = bodies.get(row.uid)
        if octets is None:  # it was expunged meanwhile
            continue
        if len(octets) >= limit:  # it is larger than was said
            large = await _large(connection, folder, row)
            chunk.left_out += large.left_out
            chunk.messages += large.messages
        elif not octets:
            chunk.left_out.append(LeftOut(_origin(folder, row), "it is empty", 1))
        else:
            one = small(_found(folder, row), octets)
            one.key = row.key
            chunk.messages.append(one)
    return chunk


async def _large(connection: ImapConnection, folder: Folder, row: Row) -> Chunk:
    """One message in pieces, through a file."""
    spool = cast("IO[bytes]", tempfile.TemporaryFile())  # noqa: SIM115 - the chunk closes it
    try:
        size = 0
        while size <= MAX_MESSAGE:  # one piece more shows that it is too large
            pieces: list[bytes] = []

            def take(one: Untagged, pieces: list[bytes] = pieces) -> None:
                uid, octets = _body(one)
                if uid == row.uid and octets is not None:
                    pieces.append(octets)

            await connection.fetch(
                b"%d" % row.uid, b"UID BODY.PEEK[]<%d.%d>" % (size, PIECE), take, by_uid=True
            )
            if not pieces and 0 < size < row.size:
                spool.close()
                gone = "it was deleted there while it was read"
                return Chunk(left_out=[LeftOut(_origin(folder, row), gone, 1)])
            piece = pieces[-1] if pieces else b""
            await asyncio.to_thread(spool.write, piece)
            size += len(piece)
            if len(piece) < PIECE:
                break
        spool.seek(0)
    except RemoteFailed as error:
        spool.close()
        if not error.is_answer:
            raise
        return Chunk(left_out=[LeftOut(_origin(folder, row), str(error), 1)])
    except BaseException:
        spool.close()
        raise
    if not size:
        spool.close()
        return Chunk()
    return Chunk(messages=[Read(_found(folder, row), stream=spool, key=row.key)])


def _body(one: Untagged) -> tuple[int, bytes | None]:
    """UID and octets of a response to a FETCH of ``BODY[]<..>``."""
    if one.name != b"FETCH" or not one.values:
        return 0, None
    told = pairs(one.values[0])
    octets = next((value for name, value in told.items() if name.startswith(b"BODY[]")), None)
    return number(told.get(b"UID"), 0xFFFFFFFF) or 0, octets if isinstance(octets, bytes) else None


def _row(uid: int, told: dict[bytes, Value], key: bytes) -> Row:
    flags, words = 0, []
    listed = told.get(b"FLAGS")
    for word in listed if isinstance(listed, list) else ():
        if isinstance(word, bytes):
            flags |= _FLAGS.get(word.upper(), 0)
            words.append(word.decode("ascii", "replace"))
    received = 0
    date = told.get(b"INTERNALDATE")
    if isinstance(date, bytes):
        try:
            received = parse_date_time(date)
        except BadDate:
            received = 0
    return Row(uid, number(told[b"RFC822.SIZE"]) or 0, flags, keywords(words), received, key)


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Those that are fetched together; a large one alone."""
    groups: list[list[Row]] = []
    octets = 0
    for row in rows:
        fits = groups and len(groups[-1]) < GROUP and octets + row.size <= MAX_OCTETS
        if not fits or row.size > SMALL:
            groups.append([])
            octets = 0
        groups[-1].append(row)
        octets += row.size
        if row.size > SMALL:
            octets = MAX_OCTETS + 1
    return groups


def _found(folder: Folder, row: Row) -> Found:
    origin = _origin(folder, row)
    return Found(origin, _nothing, row.size, row.received, row.flags, row.keywords, uid=row.uid)


def _nothing() -> IO[bytes]:
    raise OSError("the octets have come already")


def _origin(folder: Folder, row: Row) -> str:
    return f"{folder.place}, UID {row.uid}"


def _folders(found: Sequence[Remote], *, is_gmail: bool) -> list[tuple[Remote, Folder]]:
    """The folders that hold mail, and what they are called here; virtual ones of Gmail last."""
    chosen = [
        one
        for one in found
        if not one.attributes & _CLOSED
        and ((is_gmail and "\\all" in one.attributes) or not one.attributes & _VIRTUAL)
    ]
    others = [one for one in chosen if one.levels != ("INBOX",)]
    is_below = bool(others) and all(one.levels[0] == "INBOX" for one in others)
    names = {
        one.raw: "/".join(one.levels[1:] if is_below and len(one.levels) > 1 else one.levels)
        for one in chosen
    }
    guessed = folder_names.uses(names.values())
    told = any(one.attributes & _USES.keys() for one in chosen)
    pairs_: list[tuple[Remote, Folder]] = []
    for one in chosen:
        name = names[one.raw]
        use = next((_USES[word] for word in sorted(one.attributes & _USES.keys())), "")
        if not told and not use:
            use = guessed.get(name, "")
        if "\\all" in one.attributes:
            name, use = "Archive", "\\Archive"
        pairs_.append((one, Folder(name, "/".join(one.levels), use)))
    return sorted(
        pairs_,
        key=lambda pair: ("\\all" in pair[0].attributes, pair[1].name != "INBOX", pair[1].name),
    )
