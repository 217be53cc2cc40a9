"""Aliases: add, list, show, set, rename, remove."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from postroom.address import Address
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import aliases, verify
from postroom.directory.aliases import Alias
from postroom.directory.expand import Writers
from postroom.errors import Invalid, NotFound


class AliasView(msgspec.Struct, frozen=True):
    """An alias as lists show it."""

    address: str
    targets: tuple[str, ...]
    hidden: bool
    created: datetime
    writers: Writers = "anyone"


class TargetView(msgspec.Struct, frozen=True):
    """One target; letters to one that is unknown (or disabled) go to the others only."""

    address: str
    kind: Literal["account", "alias", "remote", "unknown", "ambiguous"]
    name: str


class AliasDetails(msgspec.Struct, frozen=True):
    """An alias with what its targets are."""

    address: str
    targets: tuple[TargetView, ...]
    hidden: bool
    created: datetime
    writers: Writers = "anyone"

    @property
    def unknown(self) -> list[str]:
        """Targets that do not receive now."""
        return [target.address for target in self.targets if target.kind == "unknown"]


@recorded("alias.add", "address", "targets", "hidden", "writers")
async def add(
    office: Office,
    address: str,
    targets: Sequence[str],
    *,
    hidden: bool = False,
    writers: Writers = "anyone",
) -> AliasDetails:
    """Make an address stand for others, here or elsewhere; ``writers`` may write to it.

    With stars in its local part it is every address of the domain like it that nobody has.
    """
    name = names.address(address)
    members = _targets(targets)
    ident, address_id = office.ids.next(), office.ids.next()
    alias = Alias(
        id=ident,
        address=name,
        targets=members,
        is_hidden=hidden,
        created=office.now(),
        key=("", ""),
        writers=writers,
    )

    await office.directory.change(lambda tx: aliases.add(tx, alias, address_id))
    return await show(office, address)


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[AliasView]:
    """All aliases by domain and name, read in pages."""
    async for one in _listing(office, search).every(limit):
        yield one


async def page(
    office: Office,
    *,
    search: str = "",
    after: str = "",
    size: int = 100,
    within: int | str | None = None,
) -> Slice[AliasView]:
    """One page of the list; ``after`` is the ``next`` of the page before.

    ``within``: only those of this administrator, or of this domain (A-label).
    """
    return await _listing(office, search, within).page(after, size)


def _listing(
    office: Office, search: str, within: int | str | None = None
) -> paging.Listing[Alias, tuple[str, str], AliasView]:
    sought = names.sought(search)
    return paging.Listing(
        office.directory,
        lambda tx, key, most: aliases.page(tx, key, most, search=sought, within=within),
        lambda one: one.key,
        ("", ""),
        lambda tx: aliases.count(tx, sought, within=within),
        _listed,
    )


async def show(office: Office, address: str) -> AliasDetails:
    """One alias with what its targets are."""
    name = names.address(address)
    return await office.directory.look(lambda tx: _details(tx, aliases.require(tx, name)))


@recorded(
    "alias.change", "address", "targets", "add_targets", "remove_targets", "hidden", "writers"
)
async def change(
    office: Office,
    address: str,
    *,
    targets: Sequence[str] | None = None,
    add_targets: Sequence[str] = (),
    remove_targets: Sequence[str] = (),
    hidden: bool | None = None,
    writers: Writers | None = None,
) -> AliasDetails:
    """Replace the targets, or add some and remove some; hide the members; say who may write."""
    name = names.address(address)
    whole = None if targets is None else _targets(targets)
    more = [names.address(text) for text in add_targets]
    less = [names.address(text) for text in remove_targets]

    def write(tx: Tx) -> None:
        alias = aliases.require(tx, name)
        kept = list(alias.targets if whole is None else whole)
        for target in less:
            if target not in kept:
                raise NotFound(f"{target} is no target of {alias.address}")
            kept.remove(target)
        after = _targets(map(str, [*kept, *more]))
        is_other = after != alias.targets
        new = after if is_other else None
        aliases.change(tx, alias, targets=new, is_hidden=hidden, writers=writers)

    await office.directory.change(write)
    return await show(office, address)


@recorded("alias.rename", "address", "new")
async def rename(office: Office, address: str, new: str) -> AliasDetails:
    """Give an alias another address; aliases that name it follow."""
    old_name, new_name = names.address(address), names.address(new)

    await office.directory.change(
        lambda tx: aliases.rename(tx, aliases.require(tx, old_name), new_name)
    )
    return await show(office, new)


@recorded("alias.remove", "address")
async def remove(office: Office, address: str) -> AliasView:
    """Take an alias away; letters to it are refused from now on."""
    name = names.address(address)

    def write(tx: Tx) -> Alias:
        alias = aliases.require(tx, name)
        aliases.remove(tx, alias)
        return alias

    return _listed(await office.directory.change(write))


def narrowed(found: AliasDetails, domains: Collection[str]) -> AliasDetails:
    """What who administers only these domains (A-labels) sees: of others' people the address."""
    seen = [
        one if names.is_of(one.address, domains) else TargetView(one.address, "remote", "")
        for one in found.targets
    ]
    return msgspec.structs.replace(found, targets=tuple(seen))


def _targets(texts: Iterable[str]) -> tuple[Address, ...]:
    """Each target once, in the order given."""
    targets = tuple(dict.fromkeys(map(names.address, texts)))
    if not targets:
        raise Invalid("an alias needs at least one target; to end it: postroom alias remove")
    return targets


def _details(tx: Tx, alias: Alias) -> AliasDetails:
    views = []
    for target in alias.targets:
        verified = verify.verify(tx, target)
        views.append(TargetView(address=str(target), kind=verified.kind, name=verified.name))
    return AliasDetails(
        address=str(alias.address),
        targets=tuple(views),
        hidden=alias.is_hidden,
        created=names.moment(alias.created),
        writers=alias.writers,
    )


def _listed(alias: Alias) -> AliasView:
    return AliasView(
        address=str(alias.address),
        targets=tuple(map(str, alias.targets)),
        hidden=alias.is_hidden,
        created=names.moment(alias.created),
        writers=alias.writers,
    )
