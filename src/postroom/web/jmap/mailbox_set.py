"""Mailbox/set (RFC 8621 §2.5): mailboxes are made, renamed, moved, given roles, and deleted.

All of it is what IMAP can do (``access.folders``, ``access.annotations``), with the same rights. A
mailbox that is renamed stays subscribed, and so do those below it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from postroom.access.annotations import Annotations
from postroom.access.folders import Folders
from postroom.access.places import root
from postroom.errors import AlreadyExists, Invalid
from postroom.store import names, uses
from postroom.store.uses import BadUse
from postroom.web.jmap import arguments as read
from postroom.web.jmap.account import Account
from postroom.web.jmap.errors import SetError, invalid_properties
from postroom.web.jmap.mailbox import SORT_ORDER, USES, Mailbox, listing, number_of
from postroom.web.jmap.method import Call, Method, Result
from postroom.web.jmap.patch import patched
from postroom.web.jmap.setting import SET, Setter, carry_out

MAX_SORT_ORDER: Final = (1 << 31) - 1  # §2

_OURS: Final = ("name", "parentId", "role", "sortOrder", "isSubscribed")


class Wish(msgspec.Struct, frozen=True):
    """What a client may say of a mailbox."""

    name: str
    parent: str | None = None
    role: str | None = None
    sort_order: int | None = None
    is_subscribed: bool = False


async def set_mailboxes(call: Call) -> Result:
    """Mailbox/set."""
    read.only(call.arguments, *SET, "onDestroyRemoveEmails")
    account = await call.account(write=True)
    with_emails = read.flag(call.arguments, "onDestroyRemoveEmails")
    keeper = Keeper(call, account)

    async def destroy(ident: str) -> None:
        await keeper.destroy(ident, with_emails=with_emails)

    return await carry_out(
        call, account.id, Setter(keeper.state, keeper.create, keeper.update, destroy)
    )


class Keeper:
    """What is done to the mailboxes of one account."""

    def __init__(self, call: Call, account: Account) -> None:
        self._call = call
        self._account = account
        self._folders = Folders(call.person, account.store, account.places)
        self._annotations = Annotations(call.person, account.store, account.places)
        self._before = "" if account.owner is None else root(account.owner)

    async def state(self) -> str:
        """The state of Mailboxes now."""
        return (await listing(self._account)).state()

    async def create(self, _creation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Make a mailbox; all of its properties."""
        for name in given:
            if name not in _OURS:
                raise invalid_properties(f"{name} is not for the client to say", name)
        wish = self._read(given)
        path = await self._path(wish)
        try:
            made = await self._folders.create(self._before + path, _uses(wish.role))
        except BadUse as error:
            raise invalid_properties(str(error), "role") from None
        except (AlreadyExists, Invalid) as error:
            raise invalid_properties(str(error), "name") from None
        if wish.sort_order is not None:
            await self._put_order(path, wish.sort_order)
        if wish.is_subscribed:
            await self._folders.subscribe(self._before + path)
        if not self._account.is_own:  # it is shared as the one above it is
            self._account = await self._call.account_of(self._account.id)
        return (await self._known(made.id)).told()

    async def update(self, ident: str, patch: dict[str, Any]) -> dict[str, Any] | None:
        """Change a mailbox."""
        known = await self._known(number_of(ident))
        told = known.told()
        whole = patched(told, patch)
        for name in {*whole, *told} - set(_OURS):
            if whole.get(name) != told.get(name):
                raise invalid_properties(f"{name} is not for the client to say", name)
        wish = self._read({name: whole[name] for name in _OURS if name in whole})
        if wish.role != told["role"] and (known.role == "inbox" or wish.role == "inbox"):
            raise invalid_properties("the Inbox has this role always, and no other", "role")
        path = known.path
        if (wish.name, wish.parent) != (told["name"], told["parentId"]):
            path = await self._rename(known, wish)
        if wish.role != told["role"]:
            value = "".join(_uses(wish.role)).encode("ascii") or None
            await self._annotations.change(self._before + path, [(uses.ENTRY, value)])
        if (wish.sort_order or 0) != told["sortOrder"]:
            await self._put_order(path, wish.sort_order or 0)
        if wish.is_subscribed is not known.is_subscribed:
            change = self._folders.subscribe if wish.is_subscribed else self._folders.unsubscribe
            await change(self._before + path)
        return None

    async def destroy(self, ident: str, *, with_emails: bool) -> None:
        """Delete a mailbox, ``with_emails`` one that has some as well."""
        found = await listing(self._account)
        known = found.find(ident)
        if known is None:
            raise SetError("notFound")
        if known.path == names.INBOX:
            raise SetError("forbidden", "the Inbox can't be deleted")
        if found.children(known.number):
            raise SetError("mailboxHasChild", "delete the mailboxes below it first")
        if known.counts.emails and not with_emails:
            raise SetError("mailboxHasEmail", "move its messages, or say onDestroyRemoveEmails")
        await self._folders.delete(self._before + known.path)

    async def _known(self, number: int) -> Mailbox:
        found = (await listing(self._account)).mailboxes.get(number)
        if found is None:
            raise SetError("notFound")
        return found

    def _read(self, given: Mapping[str, Any]) -> Wish:
        """The properties, each of its type."""
        name, parent, role = given.get("name"), given.get("parentId"), given.get("role")
        order, subscribed = given.get("sortOrder"), given.get("isSubscribed", False)
        if not isinstance(name, str) or not name:
            raise invalid_properties("name must be a String with something in it", "name")
        if parent is not None and not isinstance(parent, str):
            raise invalid_properties("parentId must be an Id or null", "parentId")
        if role is not None and role not in {*USES, "inbox"}:
            raise invalid_properties(
                f"there is no role {role!r}; there are {', '.join(USES)}", "role"
            )
        if order is not None and not (read.is_integer(order) and 0 <= order <= MAX_SORT_ORDER):
            raise invalid_properties("sortOrder must be an UnsignedInt below 2^31", "sortOrder")
        if not isinstance(subscribed, bool):
            raise invalid_properties("isSubscribed must be a Boolean", "isSubscribed")
        return Wish(name, parent, role, order, subscribed)

    async def _path(self, wish: Wish) -> str:
        """The name with all levels, as the owner of the account has it."""
        if names.SEPARATOR in wish.name:
            raise invalid_properties('a name must not contain "/"', "name")
        if wish.parent is None:
            return wish.name
        number = number_of(self._call.resolved(wish.parent) or "")
        parent = (await listing(self._account)).mailboxes.get(number)
        if parent is None:
            raise invalid_properties("there is no such mailbox above it", "parentId")
        return parent.path + names.SEPARATOR + wish.name

    async def _rename(self, known: Mailbox, wish: Wish) -> str:
        """Rename a mailbox and those below it; the new path."""
        if known.path == names.INBOX:
            raise SetError("forbidden", "the Inbox keeps its name and place")
        path = await self._path(wish)
        old, new = self._before + known.path, self._before + path
        subscribed = [
            one
            for one in await self._folders.subscriptions()
            if one == old or one.startswith(old + names.SEPARATOR)
        ]
        try:
            await self._folders.rename(old, new)
        except (AlreadyExists, Invalid) as error:
            raise invalid_properties(str(error), "name", "parentId") from None
        for one in subscribed:
            await self._folders.unsubscribe(one)
            await self._folders.subscribe(new + one[len(old) :])
        return path

    async def _put_order(self, path: str, order: int) -> None:
        value = str(order).encode("ascii")
        await self._annotations.change(self._before + path, [(SORT_ORDER, value)])


def _uses(role: str | None) -> list[str]:
    if role == "inbox":
        raise invalid_properties("there is one Inbox always", "role")
    return [USES[role]] if role else []


METHODS: Final[Mapping[str, Method]] = {"Mailbox/set": set_mailboxes}
"""Beside those of ``mailboxes``."""
