"""What a method gets, and what it gives: the seam between a request and the nouns (RFC 8620 §3.2)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from postroom.access.places import Places
from postroom.admin.office import Office
from postroom.directory.login import Identity
from postroom.intake.peer import Peer
from postroom.web.api.call import Services
from postroom.web.jmap.account import Account, number_of
from postroom.web.jmap.errors import MethodError, invalid

Arguments = Mapping[str, Any]
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, and which doors their password opens (``directory.credentials``)."""

    person: Identity
    peer: Peer
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Call:
    """One method call. ``created`` (creation id: id) is that of the whole request."""

    services: Services
    caller: Caller
    using: frozenset[str]
    created: dict[str, str]
    name: str
    arguments: Arguments
    _account: list[Account] = field(default_factory=list)

    @property
    def office(self) -> Office:
        """What ``admin`` works on."""
        return self.services.office

    @property
    def person(self) -> Identity:
        """Who has logged in."""
        return self.caller.person

    @property
    def peer(self) -> Peer:
        """Where the request came from."""
        return self.caller.peer

    def require(self, scope: str) -> None:
        """Raise ``forbidden`` unless the password that was given opens this door as well."""
        if scope not in self.caller.scopes:
            raise MethodError(
                "forbidden", f"this app password is not for {scope}: make one that is"
            )

    async def account(self, *, write: bool = False) -> Account:
        """The account of the argument ``accountId``, as the person may use it.

        Raises ``invalidArguments``, ``accountNotFound``, ``accountReadOnly``.
        """
        if not self._account:
            self._account.append(await self.account_of(self.arguments.get("accountId")))
        found = self._account[0]
        if write and found.is_read_only:
            raise MethodError("accountReadOnly", f"nothing in {found.address} may be changed")
        return found

    async def own_account(self) -> Account:
        """The same for what only people themselves have; else ``accountNotSupportedByMethod``."""
        found = await self.account()
        if not found.is_own:
            raise MethodError(
                "accountNotSupportedByMethod", f"{self.name} is for one's own account"
            )
        return found

    async def account_of(self, ident: object) -> Account:
        """The account of that id; for methods with several (``fromAccountId``)."""
        if not isinstance(ident, str):
            raise invalid("accountId is missing, or no Id")
        return await account_of(self.services, self.person, ident)

    def resolved(self, ident: str) -> str | None:
        """The id that ``#creation`` stands for, the id itself else; None if nothing was created."""
        return self.created.get(ident[1:]) if ident.startswith("#") else ident


async def account_of(services: Services, person: Identity, ident: str) -> Account:
    """An account as a person may use it; raises ``accountNotFound``."""
    office, number = services.office, number_of(ident)
    places = Places(person, office.store, office.directory)
    if number == person.account_id:
        return Account(person, number, person.address, office.store, places)
    for owner in await places.owners():
        if owner.account_id == number:
            return Account(person, number, owner.address, office.store, places, owner)
    raise MethodError("accountNotFound", f"there is no account {ident!r} for you")


Answers = Result | list[tuple[str, Result]]
"""Several are the responses of implicit calls, all under the id of the one call."""

Method = Callable[[Call], Awaitable[Answers]]
Methods = Mapping[str, Method]
