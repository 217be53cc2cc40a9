"""The maildrop of POP3: a snapshot of the INBOX, without a lock.

Several sessions and IMAP may use the INBOX at the same time. Messages deleted elsewhere
while the session runs can't be fetched any more; ``update`` removes what QUIT asks for,
by UID, and nothing happens without it (RFC 1939 §6).
"""

from collections.abc import AsyncGenerator, Sequence

import msgspec

from postroom.access import fetch
from postroom.access.pages import message
from postroom.access.places import Person, Places
from postroom.access.view import View
from postroom.errors import NotFound
from postroom.store import listing
from postroom.store.spans import MAX_LISTED, Span, span_of
from postroom.store.store import Store


class Item(msgspec.Struct, frozen=True):
    """A message of the snapshot: UIDL names it by UIDVALIDITY and UID."""

    uid: int
    size: int


class Maildrop:
    """The INBOX as it was when the session began; ``items[n]`` is message n + 1."""

    def __init__(self, view: View, items: Sequence[Item]) -> None:
        """Use ``Maildrop.open``."""
        self._view = view
        self.items = items
        self.uidvalidity = view.uidvalidity

    @classmethod
    async def open(cls, person: Person, store: Store) -> "Maildrop":
        """Take the snapshot; the account's mailboxes are made on first use."""
        inbox = await Places(person, store).get("INBOX")
        view = await View.open(inbox, store, read_only=True)
        items: list[Item] = []
        for span in view.spans([(1, view.last_uid)] if view.last_uid else [], MAX_LISTED):
            rows = await store.read(listing.page, view.mailbox_id, span)
            items += [Item(row[0], row[4]) for row in rows]
        return cls(view, items)

    def unique_id(self, index: int) -> str:
        """What UIDL says of message ``index`` (from 0): never used again for another."""
        return f"{self.uidvalidity:x}.{self.items[index].uid:x}"

    async def stream(self, index: int) -> AsyncGenerator[bytes, None]:
        """The octets of message ``index`` (from 0); NotFound when it was deleted elsewhere.

        TOP takes of it what it needs and closes the iterator.
        """
        uid = self.items[index].uid
        row = await message(self._view, uid, need=frozenset({"prefix"}))
        if row is None:
            raise NotFound("the message was deleted by another session")
        async for piece in fetch.stream(row):
            yield piece

    async def update(self, indexes: Sequence[int]) -> int:
        """Delete these messages; how many were still there."""
        view = self._view
        uids = sorted({self.items[index].uid for index in indexes})
        removed = 0
        for start in range(0, len(uids), MAX_LISTED):
            span: Span = span_of(uids[start : start + MAX_LISTED])
            removed += await view.source.expunge(
                view.account_id, view.mailbox_id, span, flagged=False
            )
        return removed
