"""Passwords of an account: the chosen one and those for apps."""

import secrets as chance
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from postroom.address import Address
from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, credentials, guessing, passwords
from postroom.directory.accounts import Account, Scram
from postroom.directory.credentials import APP_SCOPES, Credential
from postroom.directory.passwords import ScramPair
from postroom.errors import Invalid, Refused

MAX_LABEL: Final = 100
SHORT: Final = 8  # a chosen password of fewer characters is a weak one


class AppPasswordView(msgspec.Struct, frozen=True):
    """An app password without the password."""

    label: str
    scopes: tuple[str, ...]
    created: datetime
    last_used: datetime | None


def weakness(address: str, password: str, *near: str) -> str:
    """Why a password that somebody chooses would be guessed, "" for no reason. Raises Invalid.

    ``near`` are names that a guesser knows: of the person, of the server.
    """
    if len(password) < SHORT:
        return f"it has fewer than {SHORT} characters"
    return guessing.reason(password, names.address(address), *near)


def require_strong(address: str, password: str, *near: str) -> None:
    """Raises Invalid for a password that would be guessed."""
    if reason := weakness(address, password, *near):
        raise Invalid(f"the password would be guessed: {reason}; choose another")


def random_password() -> str:
    """A password that nobody can guess."""
    return passwords.make_app_password()


@recorded("account.password", "address")
async def set_password(office: Office, address: str, password: str) -> None:
    """Replace the chosen password; logins with the old one fail at once."""
    name = names.address(address)
    account, scram = await office.directory.look(lambda tx: _person(tx, name))
    credential = await chosen(office, password, scram)

    def write(tx: Tx) -> None:
        credentials.set_password(tx, _same(tx, account, scram), credential)

    await office.directory.change(write)


@recorded("account.password.remove", "address")
async def remove_password(office: Office, address: str) -> None:
    """Take the chosen password away: app passwords log in yet, and whom ``[ldap]`` knows."""
    name = names.address(address)
    await office.directory.change(
        lambda tx: credentials.remove_password(tx, accounts.require(tx, name))
    )


@recorded("account.password.take", "address")
async def take_hash(office: Office, address: str, kept: str) -> None:
    """Let the password of another server count here, by its hash; it replaces the chosen one.

    ``kept`` as ``foreign_hashes.taken`` gives it. It is hashed anew, and SCRAM works with it, once
    a login has shown the password.
    """
    name = names.address(address)
    account, scram = await office.directory.look(lambda tx: _person(tx, name))
    credential = Credential(
        id=office.ids.next(),
        kind="password",
        label="",
        scopes=frozenset(),
        verifier=kept.encode(),
        scram=ScramPair(chance.token_bytes(32), chance.token_bytes(32)),
        created=office.now(),
        last_used=None,
    )

    def write(tx: Tx) -> None:
        credentials.set_password(tx, _same(tx, account, scram), credential)

    await office.directory.change(write)


@recorded("account.app-password.add", "address", "label", "scopes")
async def add_app(office: Office, address: str, label: str, scopes: Sequence[str] = ()) -> str:
    """Make an app password and return it: it can't be shown again. No scopes: all."""
    name = names.address(address)
    allowed = frozenset(scopes) or APP_SCOPES
    if unknown := allowed - APP_SCOPES:
        raise Invalid(
            f"{min(unknown)!r} is no scope of app passwords; use some of"
            f" {','.join(sorted(APP_SCOPES))}"
        )
    label = _label(label)
    password = passwords.make_app_password()
    account, scram = await office.directory.look(lambda tx: _person(tx, name))
    letters = passwords.app_letters(password)
    credential = Credential(
        id=office.ids.next(),
        kind="app",
        label=label,
        scopes=allowed,
        verifier=passwords.app_verifier(office.directory.secrets.pepper, letters or b""),
        scram=await office.directory.hasher.keys(password, scram.salt, scram.iterations),
        created=office.now(),
        last_used=None,
    )

    def write(tx: Tx) -> None:
        credentials.add_app(tx, _same(tx, account, scram), credential)

    await office.directory.change(write)
    return password


async def apps(office: Office, address: str) -> tuple[AppPasswordView, ...]:
    """The app passwords of an account."""
    name = names.address(address)

    def read(tx: Tx) -> tuple[AppPasswordView, ...]:
        ring = credentials.of(tx, accounts.require(tx, name).id)
        return tuple(app_view(one) for one in ring if one.kind == "app")

    return await office.directory.look(read)


@recorded("account.app-password.remove", "address", "label")
async def remove_app(office: Office, address: str, label: str) -> None:
    """Take an app password back; it fails at once."""
    name = names.address(address)
    await office.directory.change(
        lambda tx: credentials.remove_app(tx, accounts.require(tx, name), label)
    )


async def chosen(office: Office, password: str, scram: Scram) -> Credential:
    """What is kept of a chosen password; the hashing is done off the loop."""
    prepared = passwords.prepare(password)
    hasher = office.directory.hasher
    return Credential(
        id=office.ids.next(),
        kind="password",
        label="",
        scopes=frozenset(),
        verifier=(await hasher.hash(prepared)).encode(),
        scram=await hasher.keys(prepared, scram.salt, scram.iterations),
        created=office.now(),
        last_used=None,
    )


def _person(tx: Tx, name: Address) -> tuple[Account, Scram]:
    account = accounts.require(tx, name)
    if account.kind == "holding":
        raise is_holding(account)
    return account, accounts.scram(tx, account.id)


def _same(tx: Tx, account: Account, scram: Scram) -> Account:
    """The account still has the name and the salt that the keys were made for."""
    found, present = _person(tx, account.address)
    if (found.id, present) != (account.id, scram):
        raise Refused(f"{account.address} was changed by someone else meanwhile; try again")
    return found


def is_holding(account: Account) -> Refused:
    """The refusal of what only makes sense for a person."""
    return Invalid(
        f"{account.address} only holds mail until there is an admin;"
        f" to read it run: postroom account add {account.address}"
    )


def _label(label: str) -> str:
    label = label.strip()
    if not label or len(label) > MAX_LABEL or not label.isprintable():
        raise Invalid(f"a label has 1 to {MAX_LABEL} printable characters, such as the device")
    return label


def app_view(credential: Credential) -> AppPasswordView:
    """An app password as lists show it."""
    return AppPasswordView(
        label=credential.label,
        scopes=tuple(sorted(credential.scopes)),
        created=names.moment(credential.created),
        last_used=None if credential.last_used is None else names.moment(credential.last_used),
    )
