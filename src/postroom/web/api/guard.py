"""Who may call: bearer tokens (RFC 6750 §2.1), their scopes, their limits, how often.

There are no cookies here, so no other site can make a browser call. A wrong token is a failed
login: it makes the next answer slower and ends in a ban, as at every door.

A token that is limited reaches what is of its domain or account. An address is of the domain
that the main address of its account is in, whichever of its names is given. What an
administrator has is changed by tokens with the scope ``admin`` only: who may set a password
would else be administrator himself.
"""

import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.requests import Request

from postroom.address import Address, AddressError, Domain
from postroom.admin import api_tokens
from postroom.admin.actor import Actor, become
from postroom.db.database import Tx
from postroom.directory import accounts, administrators, domains
from postroom.directory.accounts import Account
from postroom.directory.api_tokens import ApiToken
from postroom.intake.peer import Peer
from postroom.policy.buckets import MINUTE, Buckets
from postroom.web.api.call import Call, Services, beyond
from postroom.web.api.operation import Operation
from postroom.web.api.problem import Problem

_REALM: Final = 'Bearer realm="postroom"'


class Guard:
    """Lets calls in, or raises Problem."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._calls = Buckets(services.office.config.api.calls_per_minute, MINUTE)

    async def admit(self, request: Request) -> Call:
        """Whose request this is."""
        login, office = self._services.login, self._services.office
        address = request.client.host if request.client else ""
        peer = Peer(session=secrets.token_hex(4), address=address, port=0, door="api")
        if reason := login.unwelcome(address):
            raise Problem(403, "banned", "Not from there", f"{reason}; see: postroom ban list")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Problem(
                401,
                "token-missing",
                "A token is needed",
                "send it as Authorization: Bearer TOKEN; make one: postroom token add",
                WWW_Authenticate=_REALM,
            )
        token = await api_tokens.known(office, given.strip())
        if token is None:
            await login.failed("api", peer=peer, mechanism="BEARER", reason="no such token")
            raise Problem(
                401,
                "token-unknown",
                "The token is not known",
                "it was removed, has expired, or never was; see: postroom token list",
                WWW_Authenticate=f'{_REALM}, error="invalid_token"',
            )
        if not self._calls.take(str(token.id), office.now()):
            raise Problem(
                429,
                "too-many-calls",
                "Too many calls",
                f"a token may call {office.config.api.calls_per_minute} times a minute"
                " ([api] calls_per_minute); wait a little",
                Retry_After="5",
            )
        become(Actor("token", token.name, address))
        return Call(self._services, token, peer)

    async def check(
        self, call: Call, operation: Operation, arguments: Mapping[str, object]
    ) -> None:
        """Whether the call may do this with what it names."""
        call.require(operation.scope)
        token = call.token
        values = [_value(name, arguments) for name in operation.within]
        named = [text for text in values if text is not None]
        if token.is_limited and not named and not operation.narrows:
            raise beyond(token, "this is about the whole server")
        for text in named:
            found = await self._services.office.directory.look(lambda tx, text=text: _of(tx, text))  # type: ignore[misc]
            if operation.is_write and found.is_administrator:
                call.require("admin")
            if token.is_limited and not found.is_of(token):
                raise beyond(token, f"{text} is not of it")


class _Found(NamedTuple):
    """What a text names: an account, or something in a domain."""

    account: Account | None = None
    is_administrator: bool = False
    domain: str = ""

    def is_of(self, token: ApiToken) -> bool:
        if token.account_id is not None:
            return self.account is not None and self.account.id == token.account_id
        return bool(self.domain) and self.domain == token.domain


def _of(tx: Tx, text: str) -> _Found:
    """The account of an address and the domain of that; what can't be read is of nobody."""
    try:
        address = Address.parse(text) if "@" in text.lstrip("@") else None
        domain = address.domain if address else Domain.parse(text.removeprefix("@"))
    except AddressError:
        return _Found()
    account = accounts.find(tx, address) if address else None
    own = domains.target(tx, account.address.domain if account else domain)
    role = administrators.of(tx, account.id).role if account else "person"
    return _Found(account, role != "person", own.name if own else "")


def _value(name: str, arguments: Mapping[str, object]) -> str | None:
    """The value of ``address`` or of ``body.to``; None when it is not given."""
    first, _, member = name.partition(".")
    found = arguments[first]
    value = getattr(found, member) if member else found
    return None if value is None else str(value)
