"""Masked addresses: made, listed, switched, removed."""

import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

import msgspec

from postroom.address import Address
from postroom.admin import names, paging
from postroom.admin.credentials import is_holding
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, masks
from postroom.directory.masks import Mask
from postroom.errors import AlreadyExists, Invalid

_NEWEST: Final = 1 << 62
_TRIES: Final = 5


class MaskView(msgspec.Struct, frozen=True):
    """A masked address. ``uses`` counts the messages that were taken for it."""

    address: str
    label: str
    is_on: bool
    created: datetime
    uses: int
    last_used: datetime | None


@recorded("mask.add", "account", "label")
async def add(office: Office, account: str, *, label: str = "") -> MaskView:
    """Make one, in the domain of the account's main address. Raises NotFound, Invalid."""
    owner = names.address(account)
    for left in reversed(range(_TRIES)):
        ident, local = office.ids.next(), masks.local_part(secrets.choice)

        def write(tx: Tx, ident: int = ident, local: str = local) -> Mask:
            found = accounts.require(tx, owner)
            if found.kind == "holding":
                raise is_holding(found)
            address = Address(local, found.address.domain)
            return masks.add(tx, ident, found.id, address, label, office.now())

        try:
            return _view(await office.directory.change(write))
        except AlreadyExists:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


@recorded("mask.add", "account", "address", "label", "is_on")
async def bring(office: Office, account: str, address: str, *, label: str, is_on: bool) -> MaskView:
    """Give an account a mask that is known elsewhere already. Raises NotFound, AlreadyExists."""
    owner, name = names.address(account), names.address(address)
    ident = office.ids.next()

    def write(tx: Tx) -> Mask:
        found = accounts.require(tx, owner)
        if found.kind == "holding":
            raise is_holding(found)
        made = masks.add(tx, ident, found.id, name, label, office.now())
        masks.change(tx, made, is_off=not is_on)
        return masks.require(tx, name)

    return _view(await office.directory.change(write))


async def every(
    office: Office, account: str, *, limit: int | None = None
) -> AsyncIterator[MaskView]:
    """Those of an account, the newest first. Raises NotFound."""
    async for one in (await _listing(office, account)).every(limit):
        yield one


async def page(
    office: Office, account: str, *, after: str = "", size: int = 100
) -> Slice[MaskView]:
    """One page of those of an account, the newest first. Raises NotFound."""
    return await (await _listing(office, account)).page(after, size)


async def _listing(office: Office, account: str) -> paging.Listing[Mask, tuple[int], MaskView]:
    ident = (await office.account(account)).id
    return paging.Listing(
        office.directory,
        lambda tx, key, most: masks.of(tx, ident, below=key[0], limit=most),
        lambda one: (one.id,),
        (_NEWEST,),
        lambda tx: masks.count(tx, ident),
        _view,
    )


@recorded("mask.change", "address", "label", "is_on")
async def change(
    office: Office,
    address: str,
    *,
    label: str | None = None,
    is_on: bool | None = None,
    account_id: int | None = None,
) -> MaskView:
    """Give one another label, or switch it; only one of that account, where one is named.

    Raises NotFound, Invalid.
    """
    name = names.address(address)

    def write(tx: Tx) -> Mask:
        mask = masks.require(tx, name)
        if account_id not in {None, mask.account_id}:
            raise Invalid(f"{name} is no masked address of yours")
        masks.change(tx, mask, label=label, is_off=None if is_on is None else not is_on)
        return masks.require(tx, name)

    return _view(await office.directory.change(write))


@recorded("mask.remove", "address")
async def remove(office: Office, address: str) -> MaskView:
    """End one for good. Raises NotFound."""
    name = names.address(address)

    def write(tx: Tx) -> Mask:
        mask = masks.require(tx, name)
        masks.remove(tx, mask)
        accounts.bump(tx, mask.account_id)
        return mask

    return _view(await office.directory.change(write))


def _view(mask: Mask) -> MaskView:
    return MaskView(
        address=str(mask.address),
        label=mask.label,
        is_on=not mask.is_off,
        created=names.moment(mask.created),
        uses=mask.uses,
        last_used=None if mask.last_used is None else names.moment(mask.last_used),
    )
