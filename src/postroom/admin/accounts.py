"""Accounts: who has a mailbox here, who may log in and with what."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeVar

import msgspec

from postroom.admin import names, paging
from postroom.admin.credentials import AppPasswordView, app_view, chosen, is_holding
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.admin.sending import allowed
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory import (
    accounts,
    addresses,
    administrators,
    credentials,
    forwards,
    passkeys,
    passwords,
    second_factor,
    sending,
)
from postroom.directory.accounts import KEPT_MS, Account, Scram
from postroom.directory.administrators import Powers, Role
from postroom.directory.credentials import Credential
from postroom.directory.forwards import Forward
from postroom.directory.passwords import ScramPair
from postroom.directory.sending import Sent
from postroom.errors import Invalid, NotFound
from postroom.policy import teacher
from postroom.queue import submissions
from postroom.quota import MAX_MESSAGES, MAX_OCTETS, Quota
from postroom.store.usage import Usage

MAX_NAME: Final = 200

State = Literal["active", "disabled", "removed", "holding"]


class AccountView(msgspec.Struct, frozen=True):
    """An account as lists show it. ``quota`` is octets, ``message_quota`` messages, 0 for none."""

    id: str
    address: str
    name: str
    state: State
    admin: bool
    """Whether it is an owner: may administer everything."""
    role: Role
    quota: int
    message_quota: int
    created: datetime
    kept_until: datetime | None
    """Of a removed account: when its mail goes."""
    forwards: tuple[str, ...]
    """Where its mail goes on to."""
    keeps_copy: bool
    """Whether it gets its mail itself."""
    send_limit: int | None
    """Recipients in 24 hours, 0 for no limit, None for that of the settings."""
    sent: int
    """Recipients in the present 24 hours."""
    sending_stopped: bool
    """Whether it was stopped in them: release it, or wait."""


class AccountDetails(AccountView, frozen=True):
    """An account with all that belongs to it."""

    addresses: tuple[str, ...]
    named_by: tuple[str, ...]
    """Aliases that send here; ``@domain`` for a catch-all."""
    send_as: tuple[str, ...]
    """What it may send as besides its addresses; ``@domain`` for a whole domain."""
    used: int
    """Octets that its mail weighs."""
    messages: int
    has_password: bool
    last_login: datetime | None
    administers: tuple[str, ...]
    """The domains of an admin."""
    app_passwords: tuple[AppPasswordView, ...]
    second_factor: bool
    """Whether one is in force."""
    passkeys: int


class Removal(msgspec.Struct, frozen=True):
    """A removed account, and what still names its addresses."""

    address: str
    kept_until: datetime
    named_by: tuple[str, ...]


NamedT = TypeVar("NamedT", AccountDetails, Removal)


class Restoration(msgspec.Struct, frozen=True):
    """A restored account, and the further addresses that others have taken meanwhile."""

    address: str
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownPassword:
    """What recognises a password that was chosen on another server."""

    verifier: bytes
    scram: Scram
    pair: ScramPair = field(repr=False)


@recorded("account.add", "address", "name", "quota", "message_quota", "admin", "disabled")
async def add(  # noqa: PLR0913
    office: Office,
    address: str,
    *,
    password: str | None,
    name: str = "",
    quota: int = 0,
    message_quota: int = 0,
    admin: bool = False,
    disabled: bool = False,
    known: KnownPassword | None = None,
) -> AccountView:
    """Open a mailbox. Without a password only app passwords can log in to it.

    ``known`` stands in place of a password.
    """
    account = Account(
        id=office.ids.next(),
        address=names.address(address),
        kind="person",
        name=_name(name),
        is_admin=admin,
        is_disabled=False,
        quota=_quota(quota, message_quota),
        created=office.now(),
        removed=None,
        key=("", "", 0),
    )
    await office.directory.look(lambda tx: addresses.home(tx, account.address))
    scram = Scram(passwords.new_salt(), office.directory.costs.rounds)
    address_id = office.ids.next()
    credential = None if password is None else await chosen(office, password, scram)
    if known is not None:
        scram, credential = known.scram, _credential(office, known)

    def write(tx: Tx) -> Account:
        added = accounts.add(tx, account, scram, address_id)
        if credential is not None:
            credentials.set_password(tx, added, credential)
        if disabled:
            accounts.change(tx, added, is_disabled=True)
        return accounts.require(tx, account.address)

    return await _viewed(office, await office.directory.change(write))


async def every(
    office: Office, *, search: str = "", limit: int | None = None, removed: bool = False
) -> AsyncIterator[AccountView]:
    """All accounts by domain and name, read in pages; or those that can be restored."""
    sought = names.sought(search)

    def page(tx: Tx, after: tuple[str, str, int], size: int) -> list[tuple[Account, AccountView]]:
        found = accounts.page(tx, after, size, search=sought, removed=removed)
        return list(zip(found, views(tx, found, office.now()), strict=True))

    async for _, view in paging.walk(
        office.directory, page, lambda pair: pair[0].key, ("", "", 0), limit
    ):
        yield view


async def page(
    office: Office,
    *,
    search: str = "",
    after: str = "",
    size: int = 100,
    within: int | str | None = None,
) -> Slice[AccountView]:
    """One page of the list; ``after`` is the ``next`` of the page before.

    ``within``: only those in the domains of this administrator, or of this domain (A-label).
    """
    sought, start = names.sought(search), paging.key_of(after, ("", "", 0))

    def read(tx: Tx) -> Slice[AccountView]:
        found = accounts.page(tx, start, size + 1, search=sought, within=within)
        shown = found[:size]
        return Slice(
            tuple(views(tx, shown, office.now())),
            accounts.count(tx, sought, within=within),
            paging.cursor(shown[-1].key) if len(found) > size else "",
        )

    return await office.directory.look(read)


async def show(office: Office, address: str) -> AccountDetails:
    """One account with all that belongs to it."""
    account = await office.account(address)
    usage = await office.store.usage(account.id)
    return await office.directory.look(lambda tx: _details(tx, account, usage, office.now()))


@recorded(
    "account.change", "address", "name", "admin", "quota", "message_quota", "disabled", "send_limit"
)
async def change(  # noqa: PLR0913
    office: Office,
    address: str,
    *,
    name: str | None = None,
    admin: bool | None = None,
    quota: int | None = None,
    message_quota: int | None = None,
    disabled: bool | None = None,
    send_limit: int | Literal["default"] | None = None,
) -> AccountView:
    """Set what is given. A disabled account neither receives nor logs in.

    ``send_limit`` is recipients in 24 hours, 0 for no limit.
    """
    found = names.address(address)
    new_name = None if name is None else _name(name)
    new_limit = None if send_limit is None or send_limit == "default" else _limit(send_limit)

    def write(tx: Tx) -> Account:
        account = accounts.require(tx, found)
        limits = account.quota
        accounts.change(
            tx,
            account,
            name=new_name,
            is_admin=admin,
            quota=_quota(
                limits.octets if quota is None else quota,
                limits.messages if message_quota is None else message_quota,
            ),
            is_disabled=disabled,
        )
        if admin:
            administrators.assign(tx, account.id, ())
        if send_limit is not None:
            sending.set_limit(tx, account.id, new_limit)
        return accounts.require(tx, found)

    return await _viewed(office, await office.directory.change(write))


@recorded("account.rename", "address", "new", "keep_old")
async def rename(office: Office, address: str, new: str, *, keep_old: bool = False) -> AccountView:
    """Give an account another main address; aliases that name it follow."""
    old_name, new_name = names.address(address), names.address(new)
    keep_id = office.ids.next() if keep_old else None

    def write(tx: Tx) -> Account:
        accounts.rename(tx, accounts.require(tx, old_name), new_name, keep_id=keep_id)
        return accounts.require(tx, new_name)

    return await _viewed(office, await office.directory.change(write))


@recorded("account.remove", "address")
async def remove(office: Office, address: str) -> Removal:
    """Close an account; it and its mail can be restored for 30 days."""
    name = names.address(address)
    now = office.now()

    def write(tx: Tx) -> Removal:
        account = accounts.require(tx, name)
        accounts.remove(tx, account, now)
        return Removal(
            address=str(account.address),
            kept_until=names.moment(now + KEPT_MS),
            named_by=tuple(addresses.named_by(tx, account.address)),
        )

    return await office.directory.change(write)


@recorded("account.restore", "address")
async def restore(office: Office, address: str) -> Restoration:
    """Bring back the account of this address that was removed last."""
    name = names.address(address)

    def write(tx: Tx) -> Restoration:
        account = accounts.latest_removed(tx, name)
        if account is None:
            raise NotFound(f"no removed account {name}; see: postroom account list --removed")
        lost = accounts.restore(tx, account)
        return Restoration(address=str(account.address), lost=tuple(map(str, lost)))

    return await office.directory.change(write)


@recorded("account.address.add", "account", "address")
async def add_address(office: Office, account: str, address: str) -> AccountDetails:
    """Let an account receive and send under one more address."""
    owner, further = names.address(account), names.address(address)
    ident = office.ids.next()

    def write(tx: Tx) -> None:
        found = accounts.require(tx, owner)
        if found.kind == "holding":
            raise is_holding(found)
        addresses.claim(tx, ident, further, account_id=found.id)

    await office.directory.change(write)
    return await show(office, account)


@recorded("account.address.remove", "account", "address")
async def remove_address(office: Office, account: str, address: str) -> AccountDetails:
    """Take a further address away; the main one is changed by ``rename``."""
    owner, further = names.address(account), names.address(address)

    def write(tx: Tx) -> str:
        found = accounts.require(tx, owner)
        name = addresses.find(tx, further)
        if name is None or name.account_id != found.id:
            raise NotFound(f"{further} is no address of {found.address}")
        if name.is_main:
            raise Invalid(
                f"{name.address} is the main address; run: postroom account rename"
                f" {name.address} NEW"
            )
        addresses.release(tx, name)
        accounts.bump(tx, found.id)
        return str(found.address)

    return await show(office, await office.directory.change(write))


async def purge_removed(
    office: Office, now: int, erase: Callable[[int], Awaitable[None]]
) -> list[int]:
    """Forget accounts removed more than 30 days ago; ``erase`` deletes the mail of one.

    The mail goes before the row, so a crash between them leaves nothing behind: the
    account is still due and ``erase`` runs again.
    """
    due = await office.directory.look(
        lambda tx: accounts.removed_before(tx, now - KEPT_MS, paging.PAGE)
    )
    for ident in due:
        await erase(ident)
        await _forget(office, ident)
    return due


def narrowed(found: NamedT, domains: Collection[str]) -> NamedT:
    """What who administers only these domains (A-labels) sees: not what names it in others."""
    own = tuple(one for one in found.named_by if names.is_of(one, domains))
    return msgspec.structs.replace(found, named_by=own)


def test_values(name: str, quota: int, message_quota: int, send_limit: int | None) -> None:
    """Whether an account may have them; raises Invalid."""
    _name(name)
    _quota(quota, message_quota)
    if send_limit is not None:
        _limit(send_limit)


def views(tx: Tx, found: Sequence[Account], now: int) -> list[AccountView]:
    """These accounts as lists show them."""
    idents = [account.id for account in found]
    onward, sent = forwards.among(tx, idents), sending.of(tx, idents, now)
    powers = administrators.among(tx, idents)
    return [
        _view(one, onward.get(one.id), sent.get(one.id, Sent()), powers.get(one.id, Powers()).role)
        for one in found
    ]


def _details(tx: Tx, account: Account, usage: Usage, now: int) -> AccountDetails:
    further = accounts.further(tx, account.id)
    named_by = [addresses.named_by(tx, one) for one in [account.address, *further]]
    ring = credentials.of(tx, account.id)
    used = [one.last_used for one in ring if one.last_used is not None]
    (view,) = views(tx, [account], now)
    return AccountDetails(
        **msgspec.structs.asdict(view),
        addresses=tuple(map(str, further)),
        named_by=tuple(dict.fromkeys(text for some in named_by for text in some)),
        send_as=allowed(tx, account.id),
        used=usage.octets,
        messages=usage.messages,
        has_password=any(one.kind == "password" for one in ring),
        last_login=names.moment(max(used)) if used else None,
        administers=administrators.of(tx, account.id).domains,
        app_passwords=tuple(app_view(one) for one in ring if one.kind == "app"),
        second_factor=second_factor.is_on(tx, account.id),
        passkeys=len(passkeys.of(tx, account.id)),
    )


def _credential(office: Office, known: KnownPassword) -> Credential:
    return Credential(
        id=office.ids.next(),
        kind="password",
        label="",
        scopes=frozenset(),
        verifier=known.verifier,
        scram=known.pair,
        created=office.now(),
        last_used=None,
    )


async def _forget(office: Office, ident: int) -> None:
    await teacher.forget(office.db, ident)

    def write(tx: Tx) -> None:
        forwards.remove(tx, ident)
        sending.forget(tx, ident)
        submissions.forget_account(tx, ident)
        accounts.forget(tx, ident)

    await office.directory.change(write)


def _name(name: str) -> str:
    name = name.strip()
    if len(name) > MAX_NAME or not all(letter.isprintable() for letter in name):
        raise Invalid(f"a name has at most {MAX_NAME} printable characters")
    return name


def _quota(octets: int, messages: int) -> Quota:
    if not 0 <= octets < MAX_OCTETS:
        raise Invalid("a quota is a number of octets, 0 for none")
    if not 0 <= messages < MAX_MESSAGES:
        raise Invalid("a quota of messages is a number of them, 0 for none")
    return Quota(octets, messages)


def _limit(limit: int) -> int:
    if not 0 <= limit < 1 << 40:
        raise Invalid("a limit is a number of recipients in 24 hours, 0 for none")
    return limit


async def _viewed(office: Office, account: Account) -> AccountView:
    return (await office.directory.look(lambda tx: views(tx, [account], office.now())))[0]


def _view(account: Account, forward: Forward | None, sent: Sent, role: Role) -> AccountView:
    state: State = "active"
    if account.removed is not None:
        state = "removed"
    elif account.kind == "holding":
        state = "holding"
    elif account.is_disabled:
        state = "disabled"
    return AccountView(
        id=to_text(account.id),
        address=str(account.address),
        name=account.name,
        state=state,
        admin=account.is_admin,
        role=role,
        quota=account.quota.octets,
        message_quota=account.quota.messages,
        created=names.moment(account.created),
        kept_until=None if account.removed is None else names.moment(account.removed + KEPT_MS),
        forwards=() if forward is None else tuple(map(str, forward.targets)),
        keeps_copy=forward is None or forward.keeps,
        send_limit=sent.most,
        sent=sent.recipients,
        sending_stopped=sent.is_stopped,
    )
