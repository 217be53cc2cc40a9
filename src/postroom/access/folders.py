r"""Folders: the mailboxes of the person who has logged in, and the subscriptions.

Names are Unicode text with "/" between levels, as the door has decoded them. A name that
has no mailbox but one below it is listed as not selectable (RFC 3501 §6.3.4, §6.3.8;
RFC 5258 \NonExistent). The first use of an account makes INBOX, Drafts, Sent, Junk, Trash
and Archive (RFC 6154).
"""

import builtins
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import msgspec

from postroom.access import rights as letters
from postroom.access.places import Person, Place, Places, is_of_others
from postroom.access.rights import Rights
from postroom.db.database import Tx
from postroom.directory import shares
from postroom.directory.reach import Owner
from postroom.errors import AlreadyExists, Invalid, NotAllowed, NotFound
from postroom.store import annotations, copying, mailboxes, names, uses
from postroom.store.filing import MAX_UID
from postroom.store.mailboxes import Counts, Mailbox
from postroom.store.spans import Span
from postroom.store.store import Store
from postroom.store.uses import BadUse

MAX_SUBSCRIPTIONS: Final = 10_000

Status = Counts


class Folder(msgspec.Struct, frozen=True):
    r"""A mailbox, or with ``selectable`` False a mere level above one (``id`` 0).

    ``rights`` are the person's; all of them where the mailbox is the person's own.
    """

    id: int
    name: str
    special_use: str | None
    subscribed: bool
    has_children: bool
    selectable: bool
    rights: Rights = letters.ALL

    @property
    def is_of_others(self) -> bool:
        """Whether it is in the namespace of other users (RFC 2342)."""
        return is_of_others(self.name)


class Folders:
    """What a person may do with the mailboxes within reach."""

    def __init__(self, person: Person, store: Store, places: Places) -> None:
        self.account_id = person.account_id
        self._store = store
        self._places = places

    async def list(self) -> builtins.list[Folder]:
        """Every mailbox and the levels above them, by name, INBOX first."""
        await self._places.furnish()
        own = await self._store.read(mailboxes.listing, self.account_id)
        subscribed = frozenset(await self._store.read(mailboxes.subscriptions, self.account_id))
        by_name = {mailbox.name: Place(mailbox.name, mailbox) for mailbox in own}
        for place in await self._places.shared():
            if letters.LOOKUP in place.rights:
                by_name[place.name] = place
        parents = {superior for name in by_name for superior in names.superiors(name)}
        return [
            _folder(
                name,
                by_name.get(name),
                subscribed=name in subscribed,
                has_children=name in parents,
            )
            for name in sorted(by_name.keys() | parents, key=_order)
        ]

    async def owners(self) -> builtins.list[int]:
        """The accounts that share something with the person."""
        return [owner.account_id for owner in await self._places.owners()]

    async def create(self, name: str, special_uses: Sequence[str] = ()) -> Folder:
        """Make a mailbox and those above it; a "/" at the end is left out (RFC 3501 §6.3.3).

        It inherits what the one above it is shared with (RFC 4314 §4), and takes its special
        uses from the mailboxes that had them (RFC 6154 §3). Raises Invalid, AlreadyExists,
        NotAllowed; BadUse.
        """
        uses.checked(special_uses)
        await self._places.furnish()
        wanted = await self._places.canonical(name.removesuffix(names.SEPARATOR))
        if is_of_others(wanted):
            owner, inner = await self._creatable(wanted)
            if special_uses:
                raise BadUse("a special use is for mailboxes of one's own")
            made = await self._make(owner.account_id, inner)
            place = await self._places.as_member(wanted, made)
        else:
            made = await self._make(self.account_id, names.checked(wanted), special_uses)
            place = Place(made.name, made)
        subscribed = place.name in await self.subscriptions()
        return _folder(place.name, place, subscribed=subscribed, has_children=False)

    async def delete(self, name: str) -> int:
        """Delete a mailbox; those below it stay (RFC 3501 §6.3.4).

        The id it had. Raises NotFound, Invalid, NotAllowed.
        """
        place = await self._places.get(name)
        place.require(letters.REMOVE)
        mailbox = place.mailbox
        await self._store.delete_mailbox(mailbox.account_id, mailbox.name)
        sharing = self._places.sharing
        if sharing is not None:
            await sharing.change_if(partial(_forget, mailbox))
        self._store.wake_names(mailbox.account_id)
        return mailbox.id

    async def rename(self, old: str, new: str) -> str:
        """Rename a mailbox and those below it; of INBOX the messages move (RFC 3501 §6.3.5).

        The new name as it is kept. Raises NotFound, AlreadyExists, Invalid, NotAllowed. Subscriptions stay as they are.
        """
        await self._places.furnish()
        source = await self._places.canonical(old)
        named = target = await self._places.canonical(new.removesuffix(names.SEPARATOR))
        account_id = self.account_id
        if is_of_others(source) or is_of_others(target):
            account_id, source, target = await self._renamable(source, target)
        target = names.checked(target)
        if target == names.INBOX:
            raise AlreadyExists("there is always an INBOX")
        if source == names.INBOX:
            await self._move_inbox(target)
            return named
        ids = await self._store.write(
            mailboxes.rename, account_id, source, target, self._store.clock()
        )
        self._store.wake(*ids)
        self._store.wake_names(account_id)
        return named

    async def subscribe(self, name: str) -> None:
        """Subscribe to a name, whether it exists or not (RFC 3501 §6.3.6)."""
        wanted = names.checked(await self._places.canonical(name))
        known = await self.subscriptions()
        if wanted not in known:
            if len(known) >= MAX_SUBSCRIPTIONS:
                raise Invalid(f"at most {MAX_SUBSCRIPTIONS} names can be subscribed")
            await self._store.write(mailboxes.subscribe, self.account_id, wanted)
            self._store.wake_names(self.account_id)

    async def unsubscribe(self, name: str) -> None:
        """Take a name off the subscriptions; raises NotFound."""
        wanted = await self._places.canonical(name)
        await self._store.write(mailboxes.unsubscribe, self.account_id, wanted)
        self._store.wake_names(self.account_id)

    async def subscriptions(self) -> builtins.list[str]:
        """Every subscribed name."""
        await self._places.furnish()
        return await self._store.read(mailboxes.subscriptions, self.account_id)

    async def status(self, name: str) -> Status:
        """What STATUS tells of a mailbox; raises NotFound, NotAllowed."""
        place = await self._places.get(name)
        place.require(letters.READ)
        mailbox = place.mailbox
        return await self._store.read(
            mailboxes.counts, mailbox.account_id, mailbox.name, member=place.member
        )

    async def statuses(self, folders: Iterable[Folder]) -> dict[int, Status]:
        """What STATUS tells of many mailboxes, by id; of those that may be read."""
        found: dict[int, Status] = {}
        readable = [one for one in folders if one.id and letters.READ in one.rights]
        for is_theirs, member in ((False, None), (True, self.account_id)):
            ids = [one.id for one in readable if one.is_of_others is is_theirs]
            if ids:
                counted = await self._store.read(mailboxes.counts_among, ids, member)
                found.update((one.mailbox_id, one) for one in counted)
        return found

    async def _creatable(self, wanted: str) -> tuple[Owner, str]:
        """Where a mailbox can be made among those of others, and its owner's name for it."""
        try:
            owner, inner = await self._places.split(wanted)
        except NotFound:
            raise NotAllowed(f"you may not make mailboxes as {wanted!r}") from None
        inner = names.checked(inner)
        if letters.CREATE not in await self._rights_above(owner, inner):
            raise NotAllowed(f"you may not make mailboxes as {wanted!r}")
        return owner, inner

    async def _rights_above(self, owner: Owner, inner: str) -> Rights:
        """The rights on the nearest mailbox above a name; of the account where there is none."""
        for superior in reversed(list(names.superiors(inner))):
            found = await self._store.read(mailboxes.find, owner.account_id, superior)
            if found is not None:
                return owner.rights(found.id)
        return owner.everywhere

    async def _renamable(self, source: str, target: str) -> tuple[int, str, str]:
        """The owner and the owner's names; every mailbox that moves needs the right to."""
        place = await self._places.get(source)
        place.require(letters.REMOVE)
        if not (is_of_others(source) and is_of_others(target)):
            raise NotAllowed("a mailbox stays in its account; copy its messages instead")
        owner, inner = await self._creatable(target)
        mailbox = place.mailbox
        if owner.account_id != mailbox.account_id:
            raise NotAllowed("a mailbox stays in its account; copy its messages instead")
        if mailbox.name == names.INBOX:
            raise NotAllowed("only its owner may rename an INBOX")
        below = await self._store.read(mailboxes.below, mailbox.account_id, mailbox.name)
        if any(letters.REMOVE not in owner.rights(ident) for ident in below):
            raise NotAllowed(f"you may not rename everything below {place.name!r}")
        return owner.account_id, mailbox.name, inner

    async def _make(self, account_id: int, name: str, special_uses: Sequence[str] = ()) -> Mailbox:
        store = self._store
        ids = [store.ids.next() for _ in name.split(names.SEPARATOR)]
        now = store.clock()

        def create(tx: Tx) -> Mailbox:
            made = mailboxes.create(tx, account_id, name, None, ids, now)
            if not special_uses:
                return made
            uses.give(tx, account_id, made, special_uses, now)
            return mailboxes.get(tx, account_id, name)

        sharing = self._places.sharing
        if sharing is None or names.SEPARATOR not in name:
            made = await store.write(create)
        else:
            made = await sharing.change_if(lambda tx: _inherit(tx, create(tx), ids))
        store.wake_names(account_id)
        return made

    async def _move_inbox(self, target: str) -> None:
        store = self._store
        made = await self._make(self.account_id, target)
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
        await store.write(annotations.copy, inbox.id, made.id)
        store.wake(inbox.id, made.id)
        store.wake_names(self.account_id)


def _inherit(tx: Tx, made: Mailbox, ids: builtins.list[int]) -> tuple[Mailbox, bool]:
    """Give a new mailbox, and those made above it, the entries of the one above them."""
    parent = 0
    fresh = [made.id]
    for superior in names.superiors(made.name):
        found = mailboxes.find(tx, made.account_id, superior)
        if found is not None and found.id in ids:
            fresh.append(found.id)
        elif found is not None:
            parent = found.id
    return made, bool(parent) and shares.inherit(tx, made.account_id, parent, fresh)


def _forget(mailbox: Mailbox, tx: Tx) -> tuple[None, bool]:
    return None, shares.forget_mailbox(tx, mailbox.account_id, mailbox.id) > 0


def _folder(name: str, place: Place | None, *, subscribed: bool, has_children: bool) -> Folder:
    mailbox = place.mailbox if place else None
    return Folder(
        id=mailbox.id if mailbox else 0,
        name=name,
        special_use=mailbox.special_use if place and mailbox and place.member is None else None,
        subscribed=subscribed,
        has_children=has_children,
        selectable=mailbox is not None,
        rights=place.rights if place else frozenset(),
    )


def _order(name: str) -> tuple[bool, str]:
    return name != names.INBOX, name
