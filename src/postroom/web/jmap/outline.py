r"""The outline of an account: which messages are in which mailboxes, with which keywords.

It is kept in memory, a few of them in all, and brought up to date from the MODSEQs of the
mailboxes before each use, in one transaction: so what is answered from it is of one moment, and
reading an account with 100,000 messages again and again costs a look at the rows of its mailboxes.

A message that several mailboxes hold is one Email: it has the keywords of all its entries.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from postroom.access import rights as letters
from postroom.db.database import Row, Tx
from postroom.store import flags as flag_words, outline as rows
from postroom.store.outline import Head
from postroom.store.store import Store
from postroom.web.jmap.account import Account
from postroom.web.jmap.box import Box

LIMIT: Final = 64 * 1024 * 1024  # octets of all outlines of a server
AT_ONCE: Final = 20_000  # entries that are read in the transaction that makes all one

KEYWORDS: Final = {
    "$seen": flag_words.SEEN,
    "$answered": flag_words.ANSWERED,
    "$flagged": flag_words.FLAGGED,
    "$draft": flag_words.DRAFT,
}


class Entry(NamedTuple):
    """A message in a mailbox."""

    mailbox_id: int
    uid: int


class Email(NamedTuple):
    """A message, with what all its entries say; ``words`` are keywords in lower case."""

    id: int
    thread_id: int
    mailboxes: tuple[int, ...]
    flags: int
    words: frozenset[str]
    size: int
    received: int

    def keywords(self) -> dict[str, bool]:
        """As JMAP has them (RFC 8621 §4.1.1)."""
        found = {name: True for name, bit in KEYWORDS.items() if self.flags & bit}
        return found | dict.fromkeys(sorted(self.words), True)

    def has(self, keyword: str) -> bool:
        """Whether it has a keyword, which is in lower case."""
        bit = KEYWORDS.get(keyword)
        return bool(self.flags & bit) if bit else keyword in self.words


class Outline:
    """The mailboxes of an account that a person may read, by id, of one moment."""

    def __init__(self, boxes: Mapping[int, Box]) -> None:
        self.boxes = dict(sorted(boxes.items()))
        self._several: frozenset[int] | None = None

    @property
    def octets(self) -> int:
        """Of memory, roughly."""
        return sum(box.octets for box in self.boxes.values())

    def email(self, message_id: int) -> Email | None:
        """A message, if any mailbox shows it."""
        found: Email | None = None
        for box in self.boxes.values():
            for place in box.places(message_id):
                if box.is_shown(place):
                    found = _joined(found, box, place)
        return found

    def emails(self, message_ids: Iterable[int]) -> list[Email]:
        """Those of these messages that are shown."""
        return [email for ident in message_ids if (email := self.email(ident)) is not None]

    def entries(self, message_id: int) -> list[Entry]:
        """Where a message is shown."""
        return [
            Entry(box.head.id, box.uids[place])
            for box in self.boxes.values()
            for place in box.places(message_id)
            if box.is_shown(place)
        ]

    def of_threads(self, thread_ids: Iterable[int]) -> dict[int, list[int]]:
        """The messages of threads that have any, the oldest first."""
        wanted = {ident: set[tuple[int, int]]() for ident in thread_ids}
        for box in self.boxes.values():
            for place, thread_id in enumerate(box.threads):
                if thread_id in wanted and box.is_shown(place):
                    wanted[thread_id].add((box.received[place], box.ids[place]))
        return {
            thread_id: list(dict.fromkeys(ident for _, ident in sorted(found)))
            for thread_id, found in wanted.items()
            if found
        }

    def read_elsewhere(self) -> frozenset[int]:
        """Messages in several mailboxes that are seen, or drafts, in one of them."""
        if self._several is None:
            bits = flag_words.SEEN | flag_words.DRAFT
            all_ids: set[int] = set()
            several: set[int] = set()
            for box in self.boxes.values():
                ids = set(box.ids)
                several |= all_ids & ids
                all_ids |= ids
            self._several = frozenset(
                ident
                for ident in several
                if (found := self.email(ident)) is not None and found.flags & bits
            )
        return self._several


def _joined(email: Email | None, box: Box, place: int) -> Email:
    flags, text = box.flags[place], box.texts[box.words[place]]
    words = frozenset(text.lower().split()) if text else frozenset[str]()
    if email is None:
        return Email(
            box.ids[place], box.threads[place], (box.head.id,), flags, words,
            box.sizes[place], box.received[place],
        )  # fmt: skip
    inside = email.mailboxes
    if box.head.id not in inside:
        inside = (*inside, box.head.id)
    return email._replace(mailboxes=inside, flags=email.flags | flags, words=email.words | words)


class Outlines:
    """Those of one store; the longest unused go first."""

    def __init__(self, store: Store, limit: int = LIMIT) -> None:
        self._store = store
        self._limit = limit
        self._known: OrderedDict[tuple[int, int | None], Outline] = OrderedDict()
        self._locks: dict[tuple[int, int | None], tuple[asyncio.Lock, int]] = {}

    async def of(self, account: Account) -> Outline:
        """The outline of an account as it is now."""
        key = account.number, account.member
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = lock, waiting + 1
        try:
            async with lock:
                return await self._fresh(account, key)
        finally:
            lock, waiting = self._locks.pop(key)
            if waiting > 1:
                self._locks[key] = lock, waiting - 1

    async def _fresh(self, account: Account, key: tuple[int, int | None]) -> Outline:
        known = self._known.get(key, Outline({}))
        readable = _readable(account)
        while True:
            outline, missing = await self._store.read(_brought, account, known, readable)
            if not missing:
                break
            boxes = dict(outline.boxes)
            for head in missing:
                boxes[head.id] = await self._load(head, account.member)
            known = Outline(boxes)
        self._keep(key, outline)
        return outline

    async def _load(self, head: Head, member: int | None) -> Box:
        """A large mailbox, page by page; what happens meanwhile is seen by its MODSEQ."""
        pages: list[Sequence[Row]] = []
        while True:
            after = pages[-1][-1][0] if pages else 0
            page = await self._store.read(rows.page, head.id, after, member)
            if page:
                pages.append(page)
            if len(page) < rows.PAGE:
                return await asyncio.to_thread(Box.read, head, pages)

    def _keep(self, key: tuple[int, int | None], outline: Outline) -> None:
        self._known.pop(key, None)
        self._known[key] = outline
        while len(self._known) > 1 and self._octets() > self._limit:
            self._known.popitem(last=False)

    def _octets(self) -> int:
        return sum(outline.octets for outline in self._known.values())


_OF_STORES: Final[WeakKeyDictionary[Store, Outlines]] = WeakKeyDictionary()


async def outline_of(account: Account) -> Outline:
    """The outline of an account as it is now."""
    store = account.store
    if store not in _OF_STORES:
        _OF_STORES[store] = Outlines(store)
    return await _OF_STORES[store].of(account)


def _readable(account: Account) -> Callable[[int], bool]:
    owner = account.owner
    if owner is None:
        return lambda _mailbox_id: True
    return lambda mailbox_id: letters.READ in owner.rights(mailbox_id)


def _brought(
    tx: Tx, account: Account, known: Outline, readable: Callable[[int], bool]
) -> tuple[Outline, list[Head]]:
    """The outline of now, and the mailboxes that are too much to be read in this transaction."""
    boxes: dict[int, Box] = {}
    missing: list[Head] = []
    room = AT_ONCE
    for head in rows.heads(tx, account.number):
        if not readable(head.id):
            continue
        box = known.boxes.get(head.id)
        if box is not None and box.head.uidvalidity == head.uidvalidity:
            box = _updated(tx, box, head, account.member)
        else:
            box = None
        if box is None and head.messages <= room:
            room -= head.messages
            box = Box.read(head, _pages(tx, head, account.member))
        if box is None:
            missing.append(head)
        else:
            box.prepare()
            boxes[head.id] = box
    return known if boxes == known.boxes else Outline(boxes), missing


def _updated(tx: Tx, box: Box, head: Head, member: int | None) -> Box | None:
    if box.head.modseq == head.modseq:
        return box.with_head(head)
    found = rows.update(tx, head.id, box.head.modseq, member)
    if found.gone is None:
        return None
    return box.updated(head, found.changed, found.gone)


def _pages(tx: Tx, head: Head, member: int | None) -> Iterable[Sequence[Row]]:
    after = 0
    while head.messages and (page := rows.page(tx, head.id, after, member)):
        yield page
        if len(page) < rows.PAGE:
            break
        after = page[-1][0]
