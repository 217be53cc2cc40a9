"""Suppression lists: whom an account does not write to for now; shown and changed."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

from postroom.address import Address
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory import accounts, domain_suppressions, domains, suppressions
from postroom.directory.accounts import Account
from postroom.directory.suppressions import TOGETHER, Kind, Scope, Suppressed, Using
from postroom.errors import Invalid, NotFound
from postroom.ledger import occurrences
from postroom.post.suppression import moment, occurrence
from postroom.telemetry import sink
from postroom.telemetry.events import RecipientSuppressed

Choice = Literal["api", "all", "off", "default"]
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)

WORDS: Final[dict[Scope, str]] = {
    "api": "what programs send over the HTTP API",
    "all": "everything that is sent from the account",
    "off": "nothing",
}
"""What heeds a list, and fills it."""

MAX_ADDRESS: Final = 320  # characters, longer than any address may be
MOST: Final = 1_000  # addresses of one call


class SuppressionView(msgspec.Struct, frozen=True):
    """How an account uses its list: ``scope`` is what heeds it and fills it.

    ``chosen``: by the account, or "default" for what the settings say.
    """

    account: str
    scope: Scope
    chosen: Choice
    addresses: int


class SuppressedView(msgspec.Struct, frozen=True):
    """An address on a list. ``until`` None: until it is removed.

    ``message`` is the queue id of what it comes of, "" for none; ``reason`` what was said.
    """

    address: str
    kind: Kind
    since: datetime
    until: datetime | None
    message: str
    reason: str


async def status(office: Office, account: str) -> SuppressionView:
    """How an account uses its list. Raises NotFound."""
    name = names.address(account)

    def read(tx: Tx) -> SuppressionView:
        return _status(office, tx, accounts.require(tx, name))

    return await office.directory.look(read)


@recorded("suppression.use", "account", "scope")
async def use(office: Office, account: str, scope: Choice) -> SuppressionView:
    """Let this mail heed the list of an account, and fill it, from now on. Raises NotFound."""
    name = names.address(account)

    def write(tx: Tx) -> SuppressionView:
        found = accounts.require(tx, name)
        suppressions.choose(tx, found.id, None if scope == "default" else scope)
        return _status(office, tx, found)

    return await office.directory.change(write)


async def every(
    office: Office, account: str, *, search: str = "", limit: int | None = None
) -> AsyncIterator[SuppressedView]:
    """The list of an account, by address; ``search`` is how they begin. Raises NotFound."""
    async for one in (await _listing(office, account, search)).every(limit):
        yield one


async def page(
    office: Office, account: str, *, search: str = "", after: str = "", size: int = 100
) -> Slice[SuppressedView]:
    """One page of it; ``total`` counts the whole list. Raises NotFound."""
    return await (await _listing(office, account, search)).page(after, size)


async def show(office: Office, account: str, address: str) -> SuppressedView:
    """Why an account does not write to an address. Raises Invalid, NotFound."""
    found, wanted = await office.account(account), suppressions.parsed(address)
    one = await office.directory.look(
        lambda tx: suppressions.find(tx, found.id, wanted, office.now())
    )
    if one is None:
        raise _not_there(wanted, found)
    return view_of(one)


async def among(office: Office, account_id: int, addresses: Sequence[Address]) -> list[str]:
    """Those of these that programs may not write to for an account now."""
    now, usual = office.now(), office.config.suppression.scope

    def read(tx: Tx) -> list[str]:
        using = suppressions.using(tx, account_id)
        if not using.covers("api", usual):
            return []
        keys = [suppressions.key(str(one)) for one in addresses]
        return [one for one in keys if _is_listed(tx, account_id, using, one, now)]

    return await office.directory.look(read)


@recorded("suppression.add", "account", "addresses")
async def add(office: Office, account: str, addresses: Sequence[str]) -> SuppressionView:
    """Put addresses on the list by hand, until they are removed; thousands take several calls.

    Raises Invalid, NotFound.
    """
    name, wanted = names.address(account), [suppressions.parsed(one) for one in addresses]
    if len(wanted) > MOST:
        raise Invalid(f"at most {MOST} addresses at a time")
    now, numbers = office.now(), [office.ids.next() for _ in wanted]

    def write(tx: Tx) -> tuple[tuple[SuppressionView, list[RecipientSuppressed]], bool]:
        found = accounts.require(tx, name)
        _test_elsewhere(tx, wanted)
        some = [Suppressed(one, "hand", now) for one in wanted]
        is_first = suppressions.put(tx, found.id, some)
        told = [_event(found, one) for one in some]
        for event, number in zip(told, numbers, strict=True):
            occurrences.tell(tx, occurrence(event, number, found.id, now))
        return (_status(office, tx, found), told), is_first

    view, told = await office.directory.change_if(write)
    for event in told:
        sink.emit(event)
    return view


@recorded("suppression.remove", "account", "addresses")
async def remove(office: Office, account: str, addresses: Sequence[str]) -> SuppressionView:
    """Take addresses off the list. Raises Invalid, NotFound when one is not on it."""
    name, wanted = names.address(account), [suppressions.parsed(one) for one in addresses]

    def write(tx: Tx) -> tuple[SuppressionView, bool]:
        found = accounts.require(tx, name)
        for one in wanted:
            if not suppressions.remove(tx, found.id, [one]):
                raise _not_there(one, found)
        return _status(office, tx, found), False

    return await office.directory.change_if(write)


async def load(office: Office, account: str, lines: Sequence[str]) -> int:
    """Put many on the list by hand, an address a line; how many. Raises as ``add``.

    Empty lines and notes (`# ..`) are passed over. Nothing is changed when a line is no address.
    """
    wanted = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and text.split()[0] != "#":
            try:
                wanted.append(suppressions.parsed(text[: MAX_ADDRESS + 1]))
            except Invalid as error:
                raise Invalid(f"line {number}: {error}; one address a line") from None
    for start in range(0, len(wanted), TOGETHER):
        await add(office, account, wanted[start : start + TOGETHER])
    return len(wanted)


async def purge(office: Office) -> None:
    """Delete what has ended, and what accounts that are gone have left."""
    while await office.db.write(lambda tx: suppressions.purge(tx, office.now()), bulk=True):
        pass
    while await office.db.write(suppressions.purge_orphans, bulk=True):
        pass


def chosen(tx: Tx, account_id: int) -> Choice:
    """What an account has chosen."""
    return suppressions.using(tx, account_id).scope or "default"


def _is_listed(tx: Tx, account_id: int, using: Using, address: str, now: int) -> bool:
    if suppressions.find(tx, account_id, address, now) is not None:
        return True
    shared = using.shares and domain_suppressions.find(tx, using.shares, address, now)
    return bool(shared)


def _test_elsewhere(tx: Tx, addresses: Sequence[str]) -> None:
    of_domains = {Address.parse(one).domain: one for one in addresses}
    for domain, one in of_domains.items():
        if domains.target(tx, domain) is not None:
            raise Invalid(
                f"{one} is of a domain here, and the list is for addresses elsewhere;"
                " who should get no mail here can be disabled: postroom account disable"
            )


def _event(account: Account, one: Suppressed) -> RecipientSuppressed:
    return RecipientSuppressed(
        account=str(account.address), recipient=one.address, kind=one.kind, until=moment(one.until)
    )


def _not_there(address: str, account: Account) -> NotFound:
    return NotFound(
        f"{address} is not on the suppression list of {account.address};"
        f" see: postroom suppression list {account.address}"
    )


async def _listing(
    office: Office, account: str, search: str
) -> paging.Listing[Suppressed, tuple[str], SuppressedView]:
    ident = (await office.account(account)).id
    begins = search.strip()
    return paging.Listing(
        office.directory,
        lambda tx, key, most: suppressions.page(tx, ident, after=key[0], begins=begins, limit=most),
        lambda one: (one.address,),
        ("",),
        lambda tx: suppressions.using(tx, ident).entries,
        view_of,
    )


def _status(office: Office, tx: Tx, account: Account) -> SuppressionView:
    using = suppressions.using(tx, account.id)
    return SuppressionView(
        account=str(account.address),
        scope=using.scope or office.config.suppression.scope,
        chosen=using.scope or "default",
        addresses=using.entries,
    )


def view_of(one: Suppressed) -> SuppressedView:
    """As it is shown."""
    return SuppressedView(
        address=one.address,
        kind=one.kind,
        since=names.moment(one.at),
        until=names.moment(one.until) if one.until else None,
        message=to_text(one.ledger_id) if one.ledger_id else "",
        reason=one.reason,
    )
