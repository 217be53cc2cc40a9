"""Accounts as JMAP has them: one's own, and those of others who share mailboxes (RFC 8620 §1.6.2).

What a person may do in them is decided by ``access.places``, as for every other door.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from postroom.access import rights as letters
from postroom.access.places import Person, Place, Places
from postroom.directory.reach import Owner
from postroom.store import mailboxes
from postroom.store.store import Store

_ID: Final = re.compile(r"A([1-9a-f][0-9a-f]{0,15})")


def account_id(number: int) -> str:
    """The id of an account."""
    return f"A{number:x}"


def number_of(text: str) -> int:
    """The number in the id of an account; 0 when it is none of ours."""
    found = _ID.fullmatch(text)
    return int(found[1], 16) if found else 0


@dataclass(frozen=True, slots=True)
class Account:
    """One account as one person may use it. ``owner`` is None for their own."""

    person: Person
    number: int
    address: str
    store: Store
    places: Places
    owner: Owner | None = None
    _known: list[Place] = field(default_factory=list)

    @property
    def id(self) -> str:
        """As the client knows it."""
        return account_id(self.number)

    @property
    def is_own(self) -> bool:
        """Whether it is the person's own."""
        return self.owner is None

    @property
    def member(self) -> int | None:
        r"""Whose \Seen counts: the person, in an account of somebody else; None in their own."""
        return None if self.owner is None else self.person.account_id

    @property
    def is_read_only(self) -> bool:
        """Whether nothing in it may be changed."""
        owner = self.owner
        if owner is None:
            return False
        changing = letters.CHANGING | {letters.CREATE, letters.REMOVE, letters.SEEN}
        return not any(
            rights & changing for rights in (owner.everywhere, *owner.mailboxes.values())
        )

    async def mailboxes(self) -> list[Place]:
        """Every mailbox that the person may know of, by name; in their own account all.

        ``Place.mailbox`` is the owner's row, and its name the owner's name. Read once a call.
        """
        if not self._known:
            self._known.extend(await self._mailboxes())
        return list(self._known)

    async def _mailboxes(self) -> list[Place]:
        owner = self.owner
        if owner is None:
            await self.places.furnish()
            found = await self.store.read(mailboxes.listing, self.number)
            return [Place(one.name, one) for one in found]
        found = await self.store.read(mailboxes.listing, self.number)
        given = [(one, owner.rights(one.id)) for one in found]
        member = self.person.account_id
        return [
            Place(one.name, one, rights, member)
            for one, rights in given
            if rights & letters.KNOWING
        ]

    def forget(self) -> None:
        """Mailboxes were changed: read them again when they are asked for."""
        self._known.clear()
