"""Access control lists: what the owner of a mailbox, or who may administer it, says of others.

The list of a mailbox are its own entries and those of the whole account (``directory.shares``),
so what is set here is what ``postroom share list`` shows. The owner comes first and always has
all rights. Whether people may let in everybody (``anyone``, ``@domain``) is a setting; what the
postmaster has given so they may take away.

RFC 4314.
"""

from typing import Literal

from postroom.access import rights as letters
from postroom.access.places import Place, Sharing
from postroom.access.rights import Rights
from postroom.db.database import Tx
from postroom.directory import addresses, shares
from postroom.directory.shares import Grantee
from postroom.errors import Invalid, NotAllowed, NotFound

Action = Literal["add", "remove", "replace"]
Entry = tuple[str, Rights]


class AccessList:
    """The list of one mailbox, for a person who may administer it."""

    def __init__(self, place: Place, sharing: Sharing, *, may_open: bool) -> None:
        """Raises NotFound, NotAllowed. ``may_open``: to everybody of this server or a domain."""
        place.require(letters.ADMINISTER)
        self._sharing = sharing
        self._owner = place.mailbox.account_id
        self._mailbox = place.mailbox.id
        self._may_open = may_open

    async def entries(self) -> list[Entry]:
        """Identifiers and their rights, the owner first (RFC 4314 §3.3)."""

        def read(tx: Tx) -> list[Entry]:
            owner = addresses.main_of(tx, [self._owner]).values()
            others = shares.on(tx, self._owner, self._mailbox)
            return [
                *((str(address), letters.ALL) for address in owner),
                *sorted((share.identifier, share.rights) for share in others),
            ]

        return await self._sharing.look(read)

    async def change(self, identifier: str, action: Action, rights: Rights) -> None:
        """Give an identifier rights, more, or fewer (RFC 4314 §3.1).

        Raises Invalid for an identifier that nothing can be given, NotAllowed.
        """

        def write(tx: Tx) -> tuple[None, bool]:
            to = _grantee(tx, identifier)
            if self._is_owner(to):
                before = letters.ALL
            else:
                before = shares.rights_of(tx, self._owner, self._mailbox, to)
            after = {"add": before | rights, "remove": before - rights, "replace": rights}[action]
            self._check(to, before, after)
            if after != before:
                shares.put(tx, self._owner, self._mailbox, to, after)
            return None, after != before

        await self._sharing.change_if(write)

    async def grantable(self, identifier: str) -> tuple[Rights, Rights]:
        """What an identifier always has, and what else it can be given (RFC 4314 §3.4)."""
        to = await self._sharing.look(lambda tx: _grantee(tx, identifier))
        if self._is_owner(to):
            return letters.ALL, frozenset()
        if _is_open(to) and not self._may_open:
            return frozenset(), frozenset()
        return frozenset(), letters.ALL

    def _check(self, to: Grantee, before: Rights, after: Rights) -> None:
        if self._is_owner(to) and after != letters.ALL:
            raise Invalid("the owner of a mailbox always has all rights on it")
        if _is_open(to) and not self._may_open and not after <= before:
            raise NotAllowed(
                "only the postmaster may share with everybody; name people or a group instead"
            )

    def _is_owner(self, to: Grantee) -> bool:
        return to == Grantee("account", self._owner)


def _is_open(to: Grantee) -> bool:
    return to.kind in {"anyone", "domain"}


def _grantee(tx: Tx, identifier: str) -> Grantee:
    if identifier.startswith("-"):
        raise Invalid("there are no negative rights here; take rights away with DELETEACL")
    try:
        return shares.grantee(tx, identifier)[0]
    except NotFound as error:
        raise Invalid(str(error)) from None
