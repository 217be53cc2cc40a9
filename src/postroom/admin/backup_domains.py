"""Domains of others that this server is a backup MX for: add, list, find, remove."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from postroom.address import Domain
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.directory import backup_domains
from postroom.directory.backup_domains import BackupDomain


class BackupView(msgspec.Struct, frozen=True):
    """One of them. ``name`` is as people write it, ``ascii`` as DNS knows it."""

    name: str
    ascii: str
    created: datetime
    backup_mx: bool = True


@recorded("domain.add-backup", "name")
async def add(office: Office, name: str) -> BackupView:
    """Take mail for a domain of others from anybody, and pass it on to its own servers."""
    domain, now = names.domain(name), office.now()
    return _view(await office.directory.change(lambda tx: backup_domains.add(tx, domain, now)))


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[BackupView]:
    """All of them by name, read in pages."""
    async for one in _listing(office, search).every(limit):
        yield one


async def page(
    office: Office, *, search: str = "", after: str = "", size: int = 100
) -> Slice[BackupView]:
    """One page of the list; ``after`` is the ``next`` of the page before."""
    return await _listing(office, search).page(after, size)


def _listing(office: Office, search: str) -> paging.Listing[BackupDomain, tuple[str], BackupView]:
    sought = names.sought(search)
    return paging.Listing(
        office.directory,
        lambda tx, key, most: backup_domains.page(tx, key[0], most, sought),
        lambda one: (one.name,),
        ("",),
        lambda tx: backup_domains.count(tx, sought),
        _view,
    )


async def find(office: Office, name: str) -> BackupView | None:
    """The domain, if this server is a backup MX for it."""
    domain = names.domain(name)
    found = await office.directory.look(lambda tx: backup_domains.find(tx, domain))
    return None if found is None else _view(found)


@recorded("domain.remove-backup", "name")
async def remove(office: Office, name: str) -> BackupView:
    """Refuse mail for it from now on; what is queued still goes on."""
    domain = names.domain(name)
    return _view(await office.directory.change(lambda tx: backup_domains.remove(tx, domain)))


def _view(found: BackupDomain) -> BackupView:
    return BackupView(Domain(found.name).unicode, found.name, names.moment(found.created))
