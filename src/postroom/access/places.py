"""Places: mailboxes by the names under which a person reaches them, and with which rights.

Every command that names a mailbox asks here first, so that there is one answer to "whose
mailbox is this, and may you?". The mailboxes of the account itself come with all rights.
"""

from typing import Protocol

import msgspec

from postroom.access import rights as letters
from postroom.errors import NotFound
from postroom.store import mailboxes, names
from postroom.store.mailboxes import Mailbox
from postroom.store.store import Store


class Person(Protocol):
    """Somebody who has logged in: ``directory.Identity``."""

    @property
    def account_id(self) -> int:
        """Whose mailboxes these are."""
        ...


class Place(msgspec.Struct, frozen=True):
    r"""A mailbox as one person may use it.

    ``name`` is the person's name for it, ``mailbox`` the owner's row. ``member`` is whose
    \Seen counts: the account of a person who is not the owner, or None.
    """

    name: str
    mailbox: Mailbox
    rights: frozenset[str] = letters.ALL
    member: int | None = None


class Places:
    """The mailboxes that one person can reach."""

    def __init__(self, person: Person, store: Store) -> None:
        self._account = person.account_id
        self._store = store
        self._is_furnished = False

    async def get(self, name: str) -> Place:
        """The mailbox of that name; raises NotFound.

        The first use of an account makes its mailboxes.
        """
        wanted = names.canonical(name)
        await self.furnish()
        mailbox = await self._store.read(mailboxes.find, self._account, wanted)
        if mailbox is None:
            raise NotFound(f"there is no mailbox {wanted!r}")
        return Place(wanted, mailbox)

    async def furnish(self) -> None:
        """Make the mailboxes of a new account, once."""
        if not self._is_furnished:
            await self._store.furnish(self._account)
            self._is_furnished = True
