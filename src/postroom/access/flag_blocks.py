"""Flags of mailboxes that people have looked at: an octet a message, kept in memory.

They are kept by blocks of UIDs, each with the MODSEQ of its row (``store.blocks``): a block
whose row has not risen since holds what it held, so only the others are read again. The row
does not tell which messages are gone; who asks says which there must be.

RFC 3501 §2.3.2, RFC 7162 §3.1.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Final, NamedTuple, Protocol

import msgspec

from postroom.access.kept import Kept
from postroom.db.database import Row, Tx
from postroom.store import listing
from postroom.store.blocks import SIZE
from postroom.store.entries import FlagChange, Updated
from postroom.store.spans import Span
from postroom.store.store import Store

OVERHEAD: Final = 600  # counted for each block besides its octets
MOST_KINDS: Final = 256  # combinations of flags and keywords that an octet can name

Kind = tuple[int, str]


class Mailbox(Protocol):
    """A mailbox as a person sees it: ``View``."""

    source: Store
    kept: Kept

    @property
    def mailbox_id(self) -> int: ...
    @property
    def uidvalidity(self) -> int: ...
    @property
    def member(self) -> int | None: ...
    @property
    def complete(self) -> int: ...


class Block(msgspec.Struct, frozen=True):
    """What a block holds: ``uids[n]`` has the flags and keywords ``kinds[codes[n]]``."""

    modseq: int
    uids: "range | array[int]"
    codes: bytes
    kinds: tuple[Kind, ...]

    def within(self, span: Span) -> tuple[int, int]:
        """The places of the messages of an unlisted span: the first, and behind the last."""
        return bisect_left(self.uids, span.first), bisect_right(self.uids, span.last)

    def after(self, change: FlagChange, span: Span) -> "Block | None":
        """The same after a change of system flags within an unlisted span.

        The block itself if nothing becomes different; None with too many kinds.
        """
        values = change.values()
        kinds = dict.fromkeys(self.kinds)
        changed = [(flags & values["kept"] | values["bits"], words) for flags, words in self.kinds]
        kinds.update(dict.fromkeys(changed))
        if len(kinds) > MOST_KINDS:
            return None
        start, end = self.within(span)
        part = self.codes[start:end].translate(_table(changed, kinds))
        if part == self.codes[start:end]:
            return self
        codes = self.codes[:start] + part + self.codes[end:]
        return Block(self.modseq, self.uids, codes, tuple(kinds))

    def risen(self, modseq: int) -> "Block":
        """The same with a new MODSEQ."""
        return Block(modseq, self.uids, self.codes, self.kinds)


class Found(NamedTuple):
    """Blocks by number, ascending; ``modseq`` is that of the mailbox when they were read."""

    modseq: int
    blocks: Mapping[int, Block]


async def find(mailbox: Mailbox, span: Span, uids: Sequence[int]) -> Found | None:
    """The blocks of an unlisted span, in which these are all messages that the session knows.

    None when others are there, or flags too different from each other.
    """
    numbers = range(span.first // SIZE, span.last // SIZE + 1)
    known = {n: block for n in numbers if (block := mailbox.kept.get(_key(mailbox, n), Block))}
    held = dict(known)
    while True:
        count, found = await mailbox.source.db.read(partial(_read, mailbox, span, known))
        if found is None or count not in {None, len(uids)}:
            return None
        for number, block in found.blocks.items():
            if mailbox.kept.get(_key(mailbox, number), Block) is held.get(number):
                held[number] = block  # else a later state came while this one was read
                _keep(mailbox, number, block)
        if _are_those(found.blocks.values(), span, uids):
            return found
        if not known:
            return None
        known = {}  # something was expunged since they were read


def _read(
    mailbox: Mailbox, span: Span, known: Mapping[int, Block], tx: Tx
) -> tuple[int | None, Found | None]:
    """How many messages the span has, if that is not known; the blocks unless too different."""
    read = listing.flag_blocks(
        tx,
        mailbox.mailbox_id,
        span,
        {number: block.modseq for number, block in known.items()},
        mailbox.complete,
        mailbox.member,
    )
    blocks: dict[int, Block] = {}
    for number, rows in groupby(read.rows, lambda row: row[0] // SIZE):
        block = _made(read.modseqs[number], list(rows))
        if block is None:
            return read.count, None
        blocks[number] = block
    found = {
        number: blocks.get(number) or known[number]
        for number in read.modseqs
        if number in blocks or number in known
    }
    return read.count, Found(read.modseq, found)


def learn(mailbox: Mailbox, span: Span, change: FlagChange, updated: Updated) -> None:
    """This change was made by who looks at the mailbox: what was true before it is known after it."""
    is_plain = not change.touches_keywords and change.unchanged_since is None
    if not updated.modseq or not is_plain:
        return
    for number, before in updated.blocks.items():
        block = mailbox.kept.get(_key(mailbox, number), Block)
        if block is None or block.modseq != before:
            continue
        after = block.after(change, span)
        if after is not None and after is not block:
            _keep(mailbox, number, after.risen(updated.modseq))


def joined(blocks: Iterable[Block], span: Span) -> tuple[list[Kind], bytes] | None:
    """The kinds and codes of all messages of an unlisted span; None with too many kinds."""
    kinds: dict[Kind, None] = {}
    parts: list[bytes] = []
    for block in blocks:
        kinds.update(dict.fromkeys(block.kinds))
        if len(kinds) > MOST_KINDS:
            return None
        start, end = block.within(span)
        parts.append(block.codes[start:end].translate(_table(block.kinds, kinds)))
    return list(kinds), b"".join(parts)


def _keep(mailbox: Mailbox, number: int, block: Block) -> None:
    gaps = 0 if isinstance(block.uids, range) else 4 * len(block.uids)
    mailbox.kept.put(_key(mailbox, number), block, OVERHEAD + len(block.codes) + gaps)


def _key(mailbox: Mailbox, number: int) -> tuple[str, int, int, int | None, int]:
    return "flags", mailbox.mailbox_id, mailbox.uidvalidity, mailbox.member, number


def _table(kinds: Iterable[Kind], numbered: Mapping[Kind, None]) -> bytes:
    """For ``bytes.translate``: the places in ``numbered`` of kinds that are in it."""
    places = {kind: place for place, kind in enumerate(numbered)}
    return bytes([places[kind] for kind in kinds]).ljust(256, b"\0")


def _made(modseq: int, rows: Sequence[Row]) -> Block | None:
    """A block of rows (uid, flags, keywords)."""
    found = [(row[1], row[2]) for row in rows]
    kinds = dict.fromkeys(found)
    if len(kinds) > MOST_KINDS:
        return None
    places = {kind: place for place, kind in enumerate(kinds)}
    first, last = rows[0][0], rows[-1][0]
    uids: range | array[int] = range(first, last + 1)
    if len(uids) != len(rows):
        uids = array("I", [row[0] for row in rows])
    return Block(modseq, uids, bytes([places[kind] for kind in found]), tuple(kinds))


def _are_those(blocks: Iterable[Block], span: Span, uids: Sequence[int]) -> bool:
    """Whether the messages of a span are these."""
    at = 0
    for block in blocks:
        start, end = block.within(span)
        if not _are_same(block.uids[start:end], uids[at : at + end - start]):
            return False
        at += end - start
    return at == len(uids)


def _are_same(some: Sequence[int], others: Sequence[int]) -> bool:
    """Whether these ascending numbers are the same."""
    if not some or len(some) != len(others):
        return not some and not others
    if isinstance(some, range):
        return (some[0], some[-1]) == (others[0], others[-1])
    return array("I", others) == some
