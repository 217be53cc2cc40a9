r"""Folders: the mailboxes of the person who has logged in, and the subscriptions.

Names are Unicode text with "/" between levels, as the door has decoded them. A name that
has no mailbox but one below it is listed as not selectable (RFC 3501 §6.3.4, §6.3.8;
RFC 5258 \NonExistent). The first use of an account makes INBOX, Drafts, Sent, Junk, Trash
and Archive (RFC 6154).
"""

import builtins
from typing import Final

import msgspec

from postroom.access.places import Person, Places
from postroom.errors import AlreadyExists, Invalid, NotFound
from postroom.store import copying, mailboxes, names
from postroom.store.filing import MAX_UID
from postroom.store.mailboxes import Counts, Mailbox
from postroom.store.spans import Span
from postroom.store.store import Store

MAX_SUBSCRIPTIONS: Final = 10_000

Status = Counts


class Folder(msgspec.Struct, frozen=True):
    r"""A mailbox, or with ``selectable`` False a mere level above one (``id`` 0)."""

    id: int
    name: str
    special_use: str | None
    subscribed: bool
    has_children: bool
    selectable: bool


class Folders:
    """What a person may do with the mailboxes of the account."""

    def __init__(self, person: Person, store: Store, places: Places) -> None:
        self.account_id = person.account_id
        self._store = store
        self._places = places

    async def list(self) -> builtins.list[Folder]:
        """Every mailbox and the levels above them, by name, INBOX first."""
        await self._places.furnish()
        found = await self._store.read(mailboxes.listing, self.account_id)
        subscribed = frozenset(await self._store.read(mailboxes.subscriptions, self.account_id))
        by_name: dict[str, Mailbox | None] = {mailbox.name: mailbox for mailbox in found}
        parents: set[str] = set()
        for mailbox in found:
            for superior in names.superiors(mailbox.name):
                by_name.setdefault(superior, None)
                parents.add(superior)
        return [
            Folder(
                id=mailbox.id if mailbox else 0,
                name=name,
                special_use=mailbox.special_use if mailbox else None,
                subscribed=name in subscribed,
                has_children=name in parents,
                selectable=mailbox is not None,
            )
            for name, mailbox in sorted(by_name.items(), key=_order)
        ]

    async def create(self, name: str, special_use: str | None = None) -> Folder:
        """Make a mailbox and those above it; a "/" at the end is left out (RFC 3501 §6.3.3).

        Raises Invalid, AlreadyExists.
        """
        await self._places.furnish()
        wanted = names.checked(name.removesuffix(names.SEPARATOR))
        ids = [self._store.ids.next() for _ in wanted.split(names.SEPARATOR)]
        made = await self._store.write(
            mailboxes.create, self.account_id, wanted, special_use, ids, self._store.clock()
        )
        self._store.wake_names(self.account_id)
        return Folder(
            id=made.id,
            name=made.name,
            special_use=made.special_use,
            subscribed=made.name in await self.subscriptions(),
            has_children=False,
            selectable=True,
        )

    async def delete(self, name: str) -> None:
        """Delete a mailbox; those below it stay (RFC 3501 §6.3.4). Raises NotFound, Invalid."""
        await self._places.furnish()
        await self._store.delete_mailbox(self.account_id, names.canonical(name))
        self._store.wake_names(self.account_id)

    async def rename(self, old: str, new: str) -> None:
        """Rename a mailbox and those below it; of INBOX the messages move (RFC 3501 §6.3.5).

        Raises NotFound, AlreadyExists, Invalid. Subscriptions stay as they are.
        """
        await self._places.furnish()
        source = names.canonical(old)
        target = names.checked(new.removesuffix(names.SEPARATOR))
        if target == names.INBOX:
            raise AlreadyExists("there is always an INBOX")
        if source == names.INBOX:
            await self._move_inbox(target)
            return
        ids = await self._store.write(
            mailboxes.rename, self.account_id, source, target, self._store.clock()
        )
        self._store.wake(*ids)
        self._store.wake_names(self.account_id)

    async def subscribe(self, name: str) -> None:
        """Subscribe to a name, whether it exists or not (RFC 3501 §6.3.6)."""
        wanted = names.checked(name)
        known = await self.subscriptions()
        if wanted not in known:
            if len(known) >= MAX_SUBSCRIPTIONS:
                raise Invalid(f"at most {MAX_SUBSCRIPTIONS} names can be subscribed")
            await self._store.write(mailboxes.subscribe, self.account_id, wanted)
            self._store.wake_names(self.account_id)

    async def unsubscribe(self, name: str) -> None:
        """Take a name off the subscriptions; raises NotFound."""
        await self._store.write(mailboxes.unsubscribe, self.account_id, names.canonical(name))
        self._store.wake_names(self.account_id)

    async def subscriptions(self) -> builtins.list[str]:
        """Every subscribed name."""
        await self._places.furnish()
        return await self._store.read(mailboxes.subscriptions, self.account_id)

    async def status(self, name: str) -> Status:
        """What STATUS tells of a mailbox; raises NotFound."""
        place = await self._places.get(name)
        mailbox = place.mailbox
        return await self._store.read(
            mailboxes.counts, mailbox.account_id, mailbox.name, member=place.member
        )

    async def _move_inbox(self, target: str) -> None:
        store = self._store
        ids = [store.ids.next() for _ in target.split(names.SEPARATOR)]
        made = await store.write(
            mailboxes.create, self.account_id, target, None, ids, store.clock()
        )
        inbox = await store.read(mailboxes.find, self.account_id, names.INBOX)
        if inbox is None:
            raise NotFound("there is no INBOX")
        order = copying.Transfer(
            source_account=self.account_id,
            source_mailbox=inbox.id,
            target=made,
            spans=(Span(1, MAX_UID),),
            is_move=True,
        )
        await store.write(copying.transfer, store.blobs, order, store.clock())
        store.wake(inbox.id, made.id)
        store.wake_names(self.account_id)


def _order(item: tuple[str, Mailbox | None]) -> tuple[bool, str]:
    return item[0] != names.INBOX, item[0]
