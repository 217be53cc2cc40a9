"""Passkeys of an account: listed, renamed, removed. They are made and used in the browser."""

from datetime import datetime
from typing import Final

import msgspec

from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.ids import to_text
from postroom.directory import accounts, passkeys
from postroom.directory.passkeys import Passkey
from postroom.errors import Invalid, NotFound

MAX_LABEL: Final = 100


class PasskeyView(msgspec.Struct, frozen=True):
    """One passkey. ``host``: the name of the server that it works at."""

    id: str
    label: str
    host: str
    created: datetime
    last_used: datetime | None


async def every(office: Office, address: str) -> tuple[PasskeyView, ...]:
    """Those of an account, the oldest first."""
    name = names.address(address)
    found = await office.directory.look(lambda tx: passkeys.of(tx, accounts.require(tx, name).id))
    return tuple(map(_view, found))


@recorded("account.passkey.rename", "address", "label")
async def rename(office: Office, address: str, ident: str, label: str) -> None:
    """Call one otherwise; raises NotFound."""
    name, number, text = names.address(address), _number(ident), label_of(label)
    await office.directory.change(
        lambda tx: passkeys.rename(tx, accounts.require(tx, name).id, number, text)
    )


@recorded("account.passkey.remove", "address")
async def remove(office: Office, address: str, ident: str) -> None:
    """Take one away: sessions that it began end. Raises NotFound."""
    name, number = names.address(address), _number(ident)
    await office.directory.change(
        lambda tx: passkeys.remove(tx, accounts.require(tx, name).id, number)
    )


def label_of(text: str) -> str:
    """What a passkey may be called; raises Invalid."""
    label = text.strip()
    if not label or len(label) > MAX_LABEL or not label.isprintable():
        raise Invalid(f"a label has 1 to {MAX_LABEL} printable characters, such as the device")
    return label


def _number(ident: str) -> int:
    return names.ident(ident, NotFound("there is no such passkey"))


def _view(one: Passkey) -> PasskeyView:
    return PasskeyView(
        to_text(one.id),
        one.label,
        one.host,
        names.moment(one.created),
        None if one.last_used is None else names.moment(one.last_used),
    )
