"""The indexer: puts the texts of messages into the search index, on the quiet.

One task of a server, and of all servers on one database one at a time. It goes from account
to account and does a chunk of at most 64 messages at a time: reads them, makes pages of
their texts in a thread, writes the pages in one short transaction of the lower lane. Between
two chunks it rests as long as the chunk took, and twenty times as long while the rest of the
process is at work. A crash loses the chunk at hand; nothing is indexed twice
(``textindex.finish``).

A message is indexed once sixteen of its account wait, or after ten minutes: until then a
search reads it itself.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from postroom.access import texts
from postroom.blobs.damage import BlobCorrupt
from postroom.db.database import Row, Tx
from postroom.db.ids import NODE_BITS, SEQUENCE_BITS, first_id_at
from postroom.db.node import database_time
from postroom.errors import MailError
from postroom.message.headers import MAX_HEADER
from postroom.message.part import Part
from postroom.message.scan import scan
from postroom.message.searchtext import body_texts, head_lines, part_lines, values
from postroom.store import textindex
from postroom.store.store import Store
from postroom.store.textindex import Waiting, Work
from postroom.store.textpage import (
    FIELDS,
    LetterText,
    StoredPage,
    cut,
    encoded,
    message_ids,
    taken_apart,
)
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from postroom.telemetry.trouble import quietly

SETTLED_MS: Final = 10_000  # an id is given out before its message is there
PATIENCE_MS: Final = 10 * 60 * 1000  # that few messages of an account wait
ENOUGH: Final = 16  # messages that do not wait
ACCOUNTS: Final = 500  # looked at in one read
CHUNKS: Final = 20  # of one account, before others have their turn
ROUND_SECONDS: Final = 30.0
TURN_MS: Final = 120_000
BUSY_SHARE: Final = 0.25  # of a processor: the process has other work
BUSY_REST: Final = 20  # times as long as the work took
LAST_ID: Final = (1 << 63) - 1
OF_PART: Final = "\x01"  # before a MIME header field of a part: it is no field of the message

Sleep = Callable[[float], Awaitable[None]]


class Indexer:
    """Keeps the index of one database up to date; ``run`` does so until it is cancelled."""

    def __init__(
        self,
        store: Store,
        max_text: int,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """``max_text``: octets of one body that are indexed."""
        self.source = store
        self.trees: OrderedDict[int, Part] = OrderedDict()
        self.waiting = 0  # messages, when last looked
        self._max_text = max_text
        self._sleep = sleep
        self._is_busy = False
        self._holder = store.ids.next()
        self._settled = self._given = 0  # ids that were given out two rounds ago, and one
        self._turn_ends = 0.0

    async def run(self) -> None:
        """Round after round; at the end the next server may begin at once."""
        try:
            while True:
                await quietly("search index", self.round)
                await self._sleep(ROUND_SECONDS)
        finally:
            with contextlib.suppress(MailError):
                await self._end_turn()

    async def round(self) -> None:
        """Index what is due in all accounts, unless another server does or the disk is full."""
        if not self.source.blobs.disk.has_room():
            return  # what is left is for mail: a search reads what is not indexed
        self._settled, self._given = self._given, self.source.ids.next()
        waiting = after = 0
        is_ours = True
        while accounts := await self.source.read(textindex.waiting, after, ACCOUNTS):
            after = accounts[-1].account_id
            waiting += sum(account.unread + account.late for account in accounts)
            for account in filter(self._is_due, accounts):
                is_ours = is_ours and await self._has_turn()
                if is_ours:
                    await self._account(account.account_id)
        self.waiting = waiting

    async def everything(self, account_id: int) -> int:
        """Index all of an account now, without a rest; how many messages were read."""
        count = 0
        while (work := await self._next(account_id, LAST_ID)) is not None:
            if await self.settle(work):
                count += len(work.letters)
        return count

    async def settle(self, work: Work) -> bool:
        """Do one piece of work; False when it must be done again: others were faster."""
        letters: list[LetterText] = []
        for rows in _groups(work.letters):
            if rows[0][3] > texts.PIECE:
                letters.append(await self._large(rows[0]))
                continue
            whole = await self.source.read(self.source.blobs.wholes, [row[1] for row in rows])
            letters += await asyncio.to_thread(_small, rows, whole, self._max_text)
        pages = await asyncio.to_thread(_pages, work, letters)
        return await self.source.write_bulk(textindex.finish, work, pages)

    async def _account(self, account_id: int) -> None:
        for _ in range(CHUNKS):
            began = time.monotonic()
            before = first_id_at(self.source.clock() - SETTLED_MS)
            work = await self._next(account_id, max(before, self._settled))
            if work is None:
                return
            await self.settle(work)
            await self._rest(time.monotonic() - began)

    async def _rest(self, took: float) -> None:
        """Let others work; how much they did says how long the next rest is."""
        began, worked = time.monotonic(), time.process_time()
        await self._sleep(took * (BUSY_REST if self._is_busy else 1))
        worked = time.process_time() - worked
        self._is_busy = worked > BUSY_SHARE * (time.monotonic() - began)

    async def _next(self, account_id: int, before: int) -> Work | None:
        work = await self.source.read(textindex.next_late, account_id)
        return work or await self.source.read(textindex.next_new, account_id, before)

    def _is_due(self, account: Waiting) -> bool:
        if account.late or account.unread >= ENOUGH:
            return True
        oldest = account.first_id >> (NODE_BITS + SEQUENCE_BITS)
        return account.unread > 0 and oldest <= self.source.clock() - PATIENCE_MS

    async def _has_turn(self) -> bool:
        """Be the one who indexes for the next minutes; False while another server is."""
        now = time.monotonic()
        if now < self._turn_ends:
            return True
        taken = await self.source.db.write(self._take_turn, bulk=True)
        self._turn_ends = now + TURN_MS / 2000 if taken else 0.0
        return taken

    async def _end_turn(self) -> None:
        if self._turn_ends:
            self._turn_ends = 0.0
            holder = self._holder
            await self.source.db.write(lambda tx: textindex.end_turn(tx, holder))

    def _take_turn(self, tx: Tx) -> bool:
        now = database_time(tx)
        return textindex.take_turn(tx, self._holder, now, now + TURN_MS)

    async def _large(self, row: Row) -> LetterText:
        """A message that is read piece by piece, up to what is indexed of it."""
        ident, blob_id, prefix, _, envelope = row
        body, fields = _Texts(self._max_text), _Texts(MAX_HEADER)
        try:
            head = prefix + await self.source.blobs.head(self.source.db, blob_id)
            async for piece, is_end in texts.body_pieces(self, blob_id):
                body.add(piece, is_end=is_end)
                if not body.is_whole:
                    break
            async for line in texts.stored_part_lines(self, blob_id):
                fields.add(OF_PART + line, is_end=True)
                if not fields.is_whole:
                    break
        except BlobCorrupt:
            return _unreadable(ident)
        return await asyncio.to_thread(_letter, ident, envelope, head, fields, body)


class _Texts:
    """Texts in UTF-8, up to a limit."""

    def __init__(self, most: int) -> None:
        self.is_whole = True
        self._pieces: list[bytes] = []
        self._room = most

    def add(self, text: str, *, is_end: bool) -> None:
        """More of a text; ``is_end``: it ends here."""
        octets = encoded([text, ""] if is_end else [text])
        self.is_whole = self.is_whole and len(octets) <= self._room
        self._pieces.append(octets[: self._room])
        self._room -= len(self._pieces[-1])

    @property
    def octets(self) -> bytes:
        return b"".join(self._pieces)


async def forget_all(store: Store) -> None:
    """Drop the whole index, chunk by chunk."""
    after = 0
    while accounts := await store.read(textindex.indexed_accounts, after, ACCOUNTS):
        for after in accounts:
            await store.forget_texts(after)


def _groups(letters: Sequence[Row]) -> Iterator[list[Row]]:
    """Those that are read together: small ones, or a large one by itself."""
    group: list[Row] = []
    octets = 0
    for row in letters:
        octets += row[3]
        if group and octets > texts.PIECE:
            yield group
            group, octets = [], row[3]
        group.append(row)
    if group:
        yield group


def _small(
    rows: Sequence[Row], whole: Mapping[int, tuple[bytes, bytes]], max_text: int
) -> list[LetterText]:
    letters = []
    for ident, blob_id, prefix, _, envelope in rows:
        if blob_id not in whole:  # it is damaged, and that was told
            letters.append(_unreadable(ident))
            continue
        head, octets = whole[blob_id]
        body, fields = _Texts(max_text), _Texts(MAX_HEADER)
        letter = head + octets
        tree = scan(letter)
        for text in body_texts(letter, tree):
            body.add(text, is_end=True)
        for line in part_lines(letter, tree):
            fields.add(OF_PART + line, is_end=True)
        letters.append(_letter(ident, envelope, prefix + head, fields, body))
    return letters


def _letter(
    ident: int, envelope: bytes, head: bytes, part_fields: _Texts, body: _Texts
) -> LetterText:
    lines = head_lines(head)
    try:
        subject = texts.subject(envelope)
    except ValueError as error:
        _tell_damage(error)
        return _unreadable(ident)
    fields = [values(lines, name) for name in FIELDS]
    fields[0] = [] if subject is None else [subject]
    encoded_fields = tuple(map(encoded, fields))
    is_whole = body.is_whole and part_fields.is_whole
    heads = encoded([*lines, ""]) + part_fields.octets
    return LetterText(ident, is_whole, encoded_fields, heads, body.octets)


def _tell_damage(error: ValueError) -> None:
    """What is kept can't be read any more: no fault of the program, but of a disk."""
    sink.emit(StorageTrouble(where="search index", reason=f"damaged: {error}"))


def _unreadable(ident: int) -> LetterText:
    """Whoever searches reads the message itself, and learns what is wrong with it."""
    return LetterText(ident, False, (b"",) * len(FIELDS), b"", b"")


def _pages(work: Work, letters: Iterable[LetterText]) -> list[StoredPage]:
    found: dict[int, LetterText] = {}
    for page in work.pages:
        try:
            found.update({letter.message_id: letter for letter in taken_apart(page)})
        except ValueError as error:
            _tell_damage(error)
            found.update({ident: _unreadable(ident) for ident, _ in message_ids(page.ids)})
    for ident in work.late:
        found.pop(ident, None)
    found.update({letter.message_id: letter for letter in letters})
    return cut([found[ident] for ident in sorted(found)], work.bound)
