"""Tokens of programs that use the API: made, listed, removed, and known again."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from postroom.admin import names, paging
from postroom.admin.credentials import is_holding
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, api_tokens, domains
from postroom.directory.api_tokens import SCOPES, TOUCH_MS, ApiToken
from postroom.errors import Invalid

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class TokenView(msgspec.Struct, frozen=True):
    """A token without the token. ``domain``, ``account``: all that it reaches, "" for no limit."""

    name: str
    scopes: tuple[str, ...]
    domain: str
    account: str
    created: datetime
    expires: datetime | None
    last_used: datetime | None


class NewToken(TokenView, frozen=True):
    """A token at the one moment when it can be seen."""

    token: str


@recorded("token.add", "name", "scopes", "domain", "account", "expires")
async def add(
    office: Office,
    name: str,
    scopes: Sequence[str],
    *,
    domain: str | None = None,
    account: str | None = None,
    expires: datetime | None = None,
) -> NewToken:
    """Make a token. Raises Invalid, NotFound, AlreadyExists."""
    _check(office, name, scopes, expires)
    if domain is not None and account is not None:
        raise Invalid("a token is limited to a domain or to an account, not to both")
    if (domain or account) and "admin" in scopes:
        raise Invalid("the scope admin is for the whole server; name others, or no limit")
    within = None if domain is None else names.domain(domain)
    whose = None if account is None else names.address(account)
    token, ident, now = api_tokens.make(), office.ids.next(), office.now()
    kept = api_tokens.verifier(office.directory.secrets.pepper, token) or b""

    def write(tx: Tx) -> ApiToken:
        own = None if within is None else domains.require(tx, within)
        if own is not None and own.alias_of:
            raise Invalid(f"{own.name} is an alias of {own.alias_of}; name that one")
        person = None if whose is None else accounts.require(tx, whose)
        if person is not None and person.kind == "holding":
            raise is_holding(person)
        made = ApiToken(
            id=ident,
            name=name,
            scopes=frozenset(scopes),
            domain=own.name if own else None,
            account_id=person.id if person else None,
            account=person.address if person else None,
            created=now,
            expires=None if expires is None else int(expires.timestamp() * 1000),
            last_used=None,
        )
        api_tokens.add(
            tx,
            made,
            kept,
            domain_id=own.id if own else None,
            account_id=person.id if person else None,
        )
        return made

    view = _view(await office.directory.change(write))
    return NewToken(**msgspec.structs.asdict(view), token=token)


async def every(office: Office, *, limit: int | None = None) -> AsyncIterator[TokenView]:
    """All tokens by name, read in pages."""
    async for one in _listing(office).every(limit):
        yield one


async def page(office: Office, *, after: str = "", size: int = 100) -> Slice[TokenView]:
    """One page of the list; ``after`` is the ``next`` of the page before."""
    return await _listing(office).page(after, size)


def _listing(office: Office) -> paging.Listing[ApiToken, tuple[str], TokenView]:
    return paging.Listing(
        office.directory,
        lambda tx, key, most: api_tokens.page(tx, key[0], most),
        lambda one: (one.name,),
        ("",),
        api_tokens.count,
        _view,
    )


@recorded("token.remove", "name")
async def remove(office: Office, name: str) -> TokenView:
    """Take a token back; it opens nothing from now on. Raises NotFound."""

    def write(tx: Tx) -> ApiToken:
        token = api_tokens.require(tx, name)
        api_tokens.remove(tx, token.id)
        return token

    return _view(await office.directory.change(write))


async def known(office: Office, token: str) -> ApiToken | None:
    """The row of a token that a program shows; None for one that opens nothing."""
    kept, now = api_tokens.verifier(office.directory.secrets.pepper, token), office.now()
    if kept is None:
        return None
    found = await office.directory.look(lambda tx: api_tokens.find(tx, kept))
    if found is None or found.is_over(now):
        return None
    if found.last_used is None or now - found.last_used > TOUCH_MS:
        await office.db.write(lambda tx: api_tokens.touch(tx, found.id, now))
    return found


def _check(office: Office, name: str, scopes: Sequence[str], expires: datetime | None) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} is no name for a token: 1 to 64 letters, digits, dots, dashes, underscores"
        )
    if not scopes:
        raise Invalid(f"a token needs a scope: some of {', '.join(SCOPES)}")
    if unknown := set(scopes) - set(SCOPES):
        raise Invalid(f"{min(unknown)!r} is no scope; use some of {', '.join(SCOPES)}")
    if expires is not None and expires.timestamp() * 1000 <= office.now():
        raise Invalid(f"the token would expire in the past, at {expires:%Y-%m-%d %H:%M}")


def _view(token: ApiToken) -> TokenView:
    return TokenView(
        name=token.name,
        scopes=tuple(sorted(token.scopes)),
        domain=token.domain or "",
        account=str(token.account or ""),
        created=names.moment(token.created),
        expires=None if token.expires is None else names.moment(token.expires),
        last_used=None if token.last_used is None else names.moment(token.last_used),
    )
