r"""Boxes: the entries of one mailbox in memory, in columns, as one person sees them.

A box never changes; what has happened since makes another. A row takes fifty octets. Messages
marked \Deleted are in it and are not shown: JMAP has no such keyword (RFC 8621 §4.1.1).
"""

import operator
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from postroom.db.database import Row
from postroom.store import flags as flag_words
from postroom.store.outline import Head

ROW: Final = 53  # octets of memory that a row takes

_SHOWN: Final = bytes(bits for bits in range(256) if not bits & flag_words.DELETED)


class Counts(NamedTuple):
    """What a Mailbox counts (RFC 8621 §2)."""

    emails: int = 0
    unread: int = 0
    threads: int = 0
    unread_threads: int = 0


class Box:
    """One mailbox; the columns are by UID, which ascends."""

    __slots__ = (
        "_by_id", "_counts", "_hidden", "flags", "head", "ids", "modseqs", "received", "sizes",
        "texts", "threads", "uids", "words",
    )  # fmt: skip

    def __init__(self, head: Head) -> None:
        """An empty one; ``read`` makes others."""
        self.head = head
        self.uids = array("I")
        self.ids = array("q")
        self.threads = array("q")
        self.flags = bytearray()
        self.words = array("I")  # which of ``texts`` are its keywords
        self.sizes = array("q")
        self.received = array("q")
        self.modseqs = array("q")
        self.texts: list[str] = [""]
        self._by_id: array[int] | None = None
        self._hidden: tuple[int, ...] | None = None
        self._counts: Counts | None = None

    @classmethod
    def read(cls, head: Head, pages: Iterable[Sequence[Row]]) -> "Box":
        """The box of rows as ``store.outline`` gives them."""
        box = cls(head)
        known = {"": 0}
        for rows in pages:
            box._add(rows, known)
        return box

    def with_head(self, head: Head) -> "Box":
        """The same entries in a mailbox that is called something else now."""
        if head == self.head:
            return self
        box = Box(head)
        for name in ("uids", "ids", "threads", "flags", "words", "sizes", "received", "modseqs"):
            setattr(box, name, getattr(self, name))
        box.texts, box._by_id = self.texts, self._by_id
        box._hidden, box._counts = self._hidden, self._counts
        return box

    def updated(self, head: Head, changed: Sequence[Row], gone: Sequence[int]) -> "Box":
        """The box after these changes, whose rows and UIDs ascend."""
        box = Box(head)
        box.texts = list(self.texts)
        known = {text: number for number, text in enumerate(box.texts)}
        rows: dict[int, Row | None] = dict.fromkeys(gone) | {row[0]: row for row in changed}
        waiting: list[Row] = []
        at = 0
        for uid in sorted(rows):
            end = bisect_left(self.uids, uid, at)
            if end > at:
                box._add(waiting, known)
                waiting.clear()
                box._take(self, at, end)
            at = end + (end < len(self) and self.uids[end] == uid)
            row = rows[uid]
            if row is not None:
                waiting.append(row)
        box._add(waiting, known)
        box._take(self, at, len(self))
        return box

    def _take(self, other: "Box", start: int, end: int) -> None:
        """Add rows of another box that has the same first ``texts``."""
        part = slice(start, end)
        self.uids += other.uids[part]
        self.ids += other.ids[part]
        self.threads += other.threads[part]
        self.flags += other.flags[part]
        self.words += other.words[part]
        self.sizes += other.sizes[part]
        self.received += other.received[part]
        self.modseqs += other.modseqs[part]

    def _add(self, rows: Sequence[Row], known: dict[str, int]) -> None:
        if not rows:
            return
        uids, ids, threads, flags, words, sizes, received, modseqs = zip(*rows, strict=True)
        for text in dict.fromkeys(words):
            if text not in known:
                known[text] = len(self.texts)
                self.texts.append(text)
        self.uids.extend(uids)
        self.ids.extend(ids)
        self.threads.extend(threads)
        self.flags.extend(flags)
        self.words.extend([known[text] for text in words])
        self.sizes.extend(sizes)
        self.received.extend(received)
        self.modseqs.extend(modseqs)

    def __len__(self) -> int:
        return len(self.uids)

    @property
    def octets(self) -> int:
        """Of memory, roughly."""
        return 500 + ROW * len(self)

    def places(self, message_id: int) -> Sequence[int]:
        """Where the entries of a message are."""
        order = self._order()
        if order is None:
            start = end = bisect_left(self.ids, message_id)
            while end < len(self.ids) and self.ids[end] == message_id:
                end += 1
            return range(start, end)
        start = end = bisect_left(order, message_id, key=self.ids.__getitem__)
        while end < len(order) and self.ids[order[end]] == message_id:
            end += 1
        return order[start:end]

    def _order(self) -> "array[int] | None":
        """The places by message id; None when they are in that order already."""
        if self._by_id is None:
            ids = self.ids
            places = array("I")
            if not all(map(operator.le, ids, islice(ids, 1, None))):
                places = array("I", sorted(range(len(ids)), key=ids.__getitem__))
            self._by_id = places
        return self._by_id or None

    def is_shown(self, place: int) -> bool:
        r"""Whether it is not marked \Deleted."""
        return not self.flags[place] & flag_words.DELETED

    def shown(self) -> Iterator[int]:
        """The places of what is shown."""
        if not self.hidden:
            return iter(range(len(self)))
        return (at for at, bits in enumerate(self.flags) if not bits & flag_words.DELETED)

    @property
    def hidden(self) -> tuple[int, ...]:
        r"""The UIDs of entries that are marked \Deleted."""
        if self._hidden is None:
            self._hidden = ()
            if self.flags.translate(None, _SHOWN):
                rows = zip(self.uids, self.flags, strict=True)
                self._hidden = tuple(uid for uid, of in rows if of & flag_words.DELETED)
        return self._hidden

    def prepare(self) -> None:
        """Find out now, beside the event loop, what will be asked for."""
        self._order()
        _ = self.hidden

    def counts(self, read_elsewhere: frozenset[int] = frozenset()) -> Counts:
        """What is in it; these messages are seen, or drafts, in another mailbox."""
        if self._counts is not None and not read_elsewhere:
            return self._counts
        bits = flag_words.SEEN | flag_words.DRAFT | flag_words.DELETED
        read = set(read_elsewhere)
        if self.hidden or len(set(self.ids)) < len(self):  # a message may be in it twice
            read |= {
                ident
                for ident, of in zip(self.ids, self.flags, strict=True)
                if of & bits and not of & flag_words.DELETED
            }
        unread = {
            at for at, of in enumerate(self.flags) if not of & bits and self.ids[at] not in read
        }
        ids, threads = self.ids, self.threads
        if self.hidden:
            places = list(self.shown())
            ids = array("q", [ids[at] for at in places])
            threads = array("q", [threads[at] for at in places])
        counts = Counts(
            len(set(ids)),
            len({self.ids[at] for at in unread}),
            len(set(threads)),
            len({self.threads[at] for at in unread}),
        )
        if not read_elsewhere:
            self._counts = counts
        return counts
