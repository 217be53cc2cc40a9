"""Look-up: what the search index says about the messages of an account.

The pages of the account are read in their order, some at a time, and looked through off the
loop: those whose signature rules a text out are not even decompressed. When only a few
messages are in question, only the pages that hold them are read. Where the pages do not
speak for a message (it is new, or came late) the answer is "unknown", and so it is where
something was left out of a long message: whoever asks reads that message itself. Nothing is
trusted that the index does not know for sure: see ``store.textindex``.

Memory: sixteen octets for each message that has one of the texts.
"""

import asyncio
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from postroom.db.database import Row, Tx
from postroom.store import textindex
from postroom.store.signature import Probe
from postroom.store.store import Store
from postroom.store.textindex import Column, Coverage
from postroom.store.textpage import (
    FIELDS,
    are_whole,
    field_columns,
    field_holders,
    holders,
    message_ids,
    unpacked,
)
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

PAGES: Final = 64  # read at a time ..
MOST_OCTETS: Final = 4 * 1024 * 1024  # .. fewer when they hold so much, but one always
MOST_QUESTIONS: Final = 32  # answered in one look-up

_UNSURE: Final = MOST_QUESTIONS  # bits of a mark: first the answers, then where they are unknown


class Question(NamedTuple):
    """Which messages hold this mapped text: in a field of this mapped name, or anywhere there.

    "subject" is the first field of that name, "field" is any.
    """

    where: Literal["subject", "field", "head or body", "body"]
    wanted: str
    name: str = ""


class Texts(NamedTuple):
    """What was read of a page; columns that nobody needs are empty."""

    ids: bytes
    signature: bytes = b""
    fields: bytes = b""
    heads: bytes = b""
    bodies: bytes = b""


class Batch(NamedTuple):
    """Pages that were read together, the last one's ``upto``, and how far the index reached.

    ``is_cut``: there were too many octets for all that was asked for.
    """

    searched: int
    last: int
    pages: Sequence[Texts]
    is_cut: bool


class Findings:
    """The answers. Messages are added in the order of their ids.

    A mark holds the answers about one message: a bit for each question that it answers with
    yes, another for each of which that is unknown.
    """

    def __init__(self, questions: Sequence[Question], coverage: Coverage) -> None:
        self._bits = {question: 1 << number for number, question in enumerate(questions)}
        self._ids = array("Q")
        self._marks = array("Q")
        self.coverage = coverage

    def answer(self, question: Question, message_id: int) -> bool | None:
        """Whether this message holds the text; None: unknown."""
        if not self.coverage.speaks_for(message_id):
            return None
        at = bisect_left(self._ids, message_id)
        is_there = at < len(self._ids) and self._ids[at] == message_id
        return self.value(question, self._marks[at] if is_there else 0)

    def value(self, question: Question, mark: int) -> bool | None:
        """What a mark says about a question; None: unknown, or it was not asked."""
        bit = self._bits.get(question)
        if bit is None:
            return None
        if mark & bit:
            return True
        return None if mark & bit << _UNSURE else False

    def parted(self, judge: Callable[[int], bool | None]) -> tuple[Sequence[int], Sequence[int]]:
        """The messages whose mark is judged True, and those of which it is unknown.

        Ascending; without those that the pages do not speak for or say nothing about.
        """
        values: dict[int, bool | None] = {}
        parted: dict[bool | None, array[int]] = {True: array("Q"), None: array("Q")}
        for ident, mark in zip(self._ids, self._marks, strict=True):
            if mark not in values:
                values[mark] = judge(mark)
            value = values[mark]
            if value is not False and self.coverage.speaks_for(ident):
                parted[value].append(ident)
        return parted[True], parted[None]

    def add(self, marks: Iterable[tuple[int, int]]) -> None:
        """Take in (message id, mark); a message that comes again was written anew meanwhile."""
        last = self._ids[-1] if self._ids else 0
        for ident, mark in marks:
            if ident > last:
                last = ident
                self._ids.append(ident)
                self._marks.append(mark)

    def limit(self, upto: int) -> None:
        """The pages above this one have been dropped while they were read."""
        if upto < self.coverage.upto:
            self.coverage = Coverage(upto, self.coverage.late)


async def look_up(
    store: Store,
    account_id: int,
    questions: Sequence[Question],
    ids: Sequence[int] | None,
    *,
    pages: int = PAGES,
) -> Findings:
    """Answer the first ``MOST_QUESTIONS`` of these.

    ``ids``, ascending, are the messages in question; None: all of the account. So many
    ``pages`` are read at a time.
    """
    asked = Asked(list(dict.fromkeys(questions))[:MOST_QUESTIONS], pages)
    if not asked.questions:
        return Findings([], Coverage(0, frozenset()))
    findings = Findings(asked.questions, await store.read(textindex.coverage, account_id))
    after = at = 0
    while findings.coverage.upto:
        chosen = None if ids is None else ids[at : at + pages]
        batch = await store.read(asked.read, account_id, after, chosen)
        findings.limit(batch.searched)
        if batch.pages:
            after = batch.last
            await asyncio.to_thread(_take, asked, findings, batch.pages)
        elif not chosen:
            break
        if ids is not None and chosen is not None:
            at = bisect_right(ids, after) if batch.is_cut else at + len(chosen)
    return findings


def _take(asked: "Asked", findings: Findings, pages: Sequence[Texts]) -> None:
    findings.add(mark for page in pages for mark in asked.marks(page))


class Asked:
    """The questions of one look-up, and what they need of a page."""

    def __init__(self, questions: Sequence[Question], pages: int) -> None:
        self.questions = questions
        self._pages = pages
        self._in_fields: list[tuple[int, int, bytes]] = []  # bit, number of the column, wanted
        self._in_heads: list[tuple[int, bytes, bytes]] = []  # bit, name, wanted
        self._in_any_head: list[tuple[int, bytes]] = []
        self._in_bodies: list[tuple[int, bytes, Probe]] = []
        for number, (where, text, name) in enumerate(questions):
            bit = 1 << number
            wanted = text.encode("utf-8", "surrogatepass")
            if where == "subject":
                self._in_fields.append((bit, FIELDS.index("SUBJECT"), wanted))
            elif where == "field" and wanted and name in FIELDS and name != "SUBJECT":
                self._in_fields.append((bit, FIELDS.index(name), wanted))
            elif where == "field":
                self._in_heads.append((bit, name.encode("utf-8", "surrogatepass"), wanted))
            else:
                self._in_bodies.append((bit, wanted, Probe(wanted)))
                if where == "head or body":
                    self._in_any_head.append((bit, wanted))
        self._every = (1 << len(questions)) - 1
        self._columns: list[Column] = []
        if self._in_bodies:
            self._columns.append("signature")
        if self._in_fields:
            self._columns.append("fields")
        if self._in_heads or self._in_any_head:
            self._columns.append("heads")

    def read(self, tx: Tx, account_id: int, after: int, ids: Sequence[int] | None) -> Batch:
        """The next pages, or those of these messages; all in one state of the index."""
        searched = textindex.searched(tx, account_id)
        uptos = None if ids is None else textindex.pages_for(tx, account_id, ids)
        rows = textindex.pages(tx, account_id, after, self._pages, self._columns, uptos)
        kept = _bounded(rows)
        pages = {
            row[0]: Texts(row[2], **dict(zip(self._columns, row[3:], strict=True))) for row in kept
        }
        opened = [upto for upto, page in pages.items() if self._may_be_in(page.signature)]
        for upto, column in textindex.bodies(tx, account_id, opened).items():
            pages[upto] = pages[upto]._replace(bodies=column)
        last = kept[-1][0] if kept else after
        return Batch(searched, last, list(pages.values()), len(kept) < len(rows))

    def marks(self, page: Texts) -> Iterator[tuple[int, int]]:
        """(message id, mark) of those that have some text, or of which it is unknown."""
        found: dict[int, int] = {}
        is_damaged = False
        try:
            for bit, number in self._found(page):
                found[number] = found.get(number, 0) | bit
        except (ValueError, IndexError) as error:
            sink.emit(StorageTrouble(where="search index", reason=f"a damaged page: {error}"))
            found, is_damaged = {}, True
        if not found and not is_damaged and are_whole(page.ids):
            return
        for number, (ident, is_whole) in enumerate(message_ids(page.ids)):
            bits = found.get(number, 0)
            if is_damaged or not is_whole:
                yield ident, bits | (self._every & ~bits) << _UNSURE
            elif bits:
                yield ident, bits

    def _may_be_in(self, signature: bytes) -> bool:
        return any(probe.may_be_in(signature) for _, _, probe in self._in_bodies)

    def _found(self, page: Texts) -> Iterator[tuple[int, int]]:
        """(bit of the question, number of a message in the page)."""
        if page.fields:
            columns = field_columns(page.fields)
            for bit, column, wanted in self._in_fields:
                yield from ((bit, number) for number in holders(columns[column], wanted))
        if page.heads:
            heads = unpacked(page.heads)
            for bit, name, wanted in self._in_heads:
                yield from ((bit, number) for number in field_holders(heads, name, wanted))
            for bit, wanted in self._in_any_head:
                yield from ((bit, number) for number in holders(heads, wanted))
        if page.bodies:
            bodies = unpacked(page.bodies)
            for bit, wanted, probe in self._in_bodies:
                if probe.may_be_in(page.signature):
                    yield from ((bit, number) for number in holders(bodies, wanted))


def _bounded(rows: Sequence[Row]) -> Sequence[Row]:
    """The first of these pages, of about ``MOST_OCTETS``."""
    octets = 0
    for number, row in enumerate(rows):
        octets += row[1]
        if number and octets > MOST_OCTETS:
            return rows[:number]
    return rows
