"""Places: mailboxes by the names under which a person reaches them, and with which rights.

Every command that names a mailbox asks here first, so that there is one answer to "whose
mailbox is this, and may you?". The mailboxes of the account itself come with all rights.
Those that others share are ``Other Users/<owner's address>/<mailbox>`` (RFC 2342 §5); a
mailbox that a person may not know of is not there. What is shared is read from the
directory's memory, so who is shared with by nobody asks for nothing else.

RFC 4314 §4.
"""

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar

import msgspec

from postroom.access import rights as letters
from postroom.access.rights import Rights
from postroom.db.database import Tx
from postroom.directory.reach import NOWHERE, Owner, Reach
from postroom.errors import NotAllowed, NotFound
from postroom.store import flags as flag_words, mailboxes, names
from postroom.store.mailboxes import Mailbox
from postroom.store.store import Store

OTHERS: Final = "Other Users"
PREFIX: Final = OTHERS + names.SEPARATOR
LATELY_MS: Final = 1000  # for which what was found by a name is remembered

T = TypeVar("T")

_MEANING: Final = {
    letters.LOOKUP: "list",
    letters.READ: "read",
    letters.SEEN: "mark as seen in",
    letters.WRITE: "change flags in",
    letters.INSERT: "add messages to",
    letters.CREATE: "make mailboxes below",
    letters.REMOVE: "delete or rename",
    letters.DELETE: "delete messages in",
    letters.EXPUNGE: "expunge messages from",
    letters.ADMINISTER: "administer",
}


class Person(Protocol):
    """Somebody who has logged in: ``directory.Identity``."""

    @property
    def account_id(self) -> int:
        """Whose mailboxes these are."""


class Sharing(Protocol):
    """What is asked of ``directory.Directory``."""

    async def reach(self, account_id: int) -> Reach:
        """What others share with an account."""

    async def look(self, question: Callable[[Tx], T]) -> T:
        """Read, in one transaction."""

    async def change_if(self, action: Callable[[Tx], tuple[T, bool]]) -> T:
        """Write; whether it has changed the directory is told with the result."""


class Place(msgspec.Struct, frozen=True):
    r"""A mailbox as one person may use it.

    ``name`` is the person's name for it, ``mailbox`` the owner's row. ``member`` is whose
    \Seen counts: the account of a person who is not the owner, or None.
    """

    name: str
    mailbox: Mailbox
    rights: Rights = letters.ALL
    member: int | None = None

    def require(self, *needed: str) -> None:
        """Raises NotAllowed for a right that is lacking; NotFound if nobody may know why.

        Who can select the mailbox knows that it is there; who only cannot list it is not told
        by the ACL commands (RFC 4314 §6).
        """
        knowing = {letters.LOOKUP, letters.READ}
        for letter in needed:
            if letter not in self.rights:
                if letter == letters.ADMINISTER:
                    knowing = {letters.LOOKUP}
                if not knowing & self.rights:
                    raise NotFound(f"there is no mailbox {self.name!r}")
                raise NotAllowed(f"you may not {_MEANING[letter]} {self.name!r}")

    def labels(self, flags: int, keywords: Iterable[str]) -> "Labels":
        """What of the flags of a new message is kept here (RFC 4314 §4)."""
        flags &= letters.flag_mask(self.rights)
        named = keywords if letters.WRITE in self.rights else ()
        words = flag_words.join_keywords(named)
        if self.member is None:
            return Labels(flags, words)
        is_seen = bool(flags & flag_words.SEEN)
        return Labels(flags & ~flag_words.SEEN, words, self.member if is_seen else 0)


class Labels(msgspec.Struct, frozen=True):
    """Flags of a new message as the store keeps them; ``seen_by`` is a member, 0 for nobody."""

    flags: int
    keywords: str
    seen_by: int = 0


class _Latest(msgspec.Struct, frozen=True):
    """An own mailbox as it was found by a name."""

    name: str
    place: Place
    found_at: int
    renamings: int

    def is_good(self, name: str, now: int, renamings: int) -> bool:
        return (
            self.name == name
            and self.renamings == renamings
            and 0 <= now - self.found_at < LATELY_MS
        )


class Places:
    """The mailboxes that one person can reach. Without ``sharing`` only their own."""

    def __init__(self, person: Person, store: Store, sharing: Sharing | None = None) -> None:
        self.account_id = person.account_id
        self.sharing = sharing
        self._store = store
        self._is_furnished = False
        self._latest: _Latest | None = None

    async def get(self, name: str) -> Place:
        """The mailbox of that name; raises NotFound.

        The first use of an account makes its mailboxes.
        """
        wanted = names.canonical(name)
        if is_of_others(wanted):
            return await self._shared(wanted)
        await self.furnish()
        mailbox = await self._store.read(mailboxes.find, self.account_id, wanted)
        if mailbox is None:
            raise NotFound(f"there is no mailbox {wanted!r}")
        return Place(wanted, mailbox)

    async def lately(self, name: str) -> Place:
        """The same for who files message after message: for a moment from memory.

        Another process may have renamed it: the name must be looked at in the transaction.
        """
        latest, now = self._latest, self._store.clock()
        if latest is None or not latest.is_good(name, now, self._store.renamings):
            renamings = self._store.renamings
            place = await self.get(name)
            if place.member is not None:
                return place
            latest = self._latest = _Latest(name, place, now, renamings)
        return latest.place

    async def again(self, place: Place) -> Place:
        """The same place with the rights of now, which may be none."""
        if place.member is None:
            return place
        now = await self.as_member(place.name, place.mailbox)
        return place if now.rights == place.rights else now

    async def as_member(self, name: str, mailbox: Mailbox) -> Place:
        """A mailbox of somebody else as the person may use it."""
        rights = (await self._reach()).rights(mailbox.account_id, mailbox.id)
        return Place(name, mailbox, rights, self.account_id)

    async def owners(self) -> Iterable[Owner]:
        """Who shares something with the person, by address."""
        return (await self._reach()).owners.values()

    async def shared(self) -> list[Place]:
        """Every mailbox of others that the person has some right on."""
        owners = (await self._reach()).owners
        if not owners:
            return []
        found = await self._store.read(
            mailboxes.among,
            [one.account_id for one in owners.values() if one.everywhere],
            [ident for one in owners.values() if not one.everywhere for ident in one.mailboxes],
        )
        return [
            Place(root(owner) + mailbox.name, mailbox, rights, self.account_id)
            for mailbox in found
            for owner in (owners[mailbox.account_id],)
            if (rights := owner.rights(mailbox.id))
        ]

    async def split(self, name: str) -> tuple[Owner, str]:
        """The owner and the owner's name of a mailbox of others; raises NotFound."""
        found = next((one for one in await self.owners() if name.startswith(root(one))), None)
        if found is None:
            raise NotFound(f"there is no mailbox {name!r}")
        return found, names.canonical(name[len(root(found)) :])

    async def canonical(self, name: str) -> str:
        """The one spelling of a name: INBOX in capitals, also that of others."""
        wanted = names.canonical(name)
        if not is_of_others(wanted):
            return wanted
        try:
            owner, inner = await self.split(wanted)
        except NotFound:
            return wanted
        return root(owner) + inner

    async def furnish(self) -> None:
        """Make the mailboxes of a new account, once."""
        if not self._is_furnished:
            await self._store.furnish(self.account_id)
            self._is_furnished = True

    async def _shared(self, wanted: str) -> Place:
        owner, inner = await self.split(wanted)
        mailbox = await self._store.read(mailboxes.find, owner.account_id, inner)
        rights = owner.rights(mailbox.id) if mailbox is not None else frozenset()
        if mailbox is None or not rights & letters.KNOWING:
            raise NotFound(f"there is no mailbox {wanted!r}")
        return Place(root(owner) + inner, mailbox, rights, self.account_id)

    async def _reach(self) -> Reach:
        return NOWHERE if self.sharing is None else await self.sharing.reach(self.account_id)


def is_of_others(name: str) -> bool:
    """True for a name in the namespace of other users."""
    return name == OTHERS or name.startswith(PREFIX)


def root(owner: Owner) -> str:
    """What stands before the owner's own names."""
    return f"{PREFIX}{names.canonical(owner.address)}{names.SEPARATOR}"
