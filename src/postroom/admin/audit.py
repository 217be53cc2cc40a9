"""The audit log, as a postmaster reads it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec

from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.db.ids import first_id_at
from postroom.directory import audit
from postroom.directory.audit import ActorKind, Entry, Sought


class AuditView(msgspec.Struct, frozen=True):
    """An operation that changed something. ``origin`` is "" for this machine.

    ``detail`` is what was said with it, without secrets.
    """

    at: datetime
    actor_kind: ActorKind
    actor: str
    origin: str
    action: str
    object: str
    detail: dict[str, Any]


async def every(
    office: Office,
    *,
    actor: str = "",
    of: str = "",
    since: datetime | None = None,
    limit: int | None = None,
) -> AsyncIterator[AuditView]:
    """All entries, the newest first, read in pages."""
    async for one in _listing(office, actor, of, since).every(limit):
        yield one


async def page(
    office: Office,
    *,
    actor: str = "",
    of: str = "",
    since: datetime | None = None,
    after: str = "",
    size: int = 100,
) -> Slice[AuditView]:
    """One page of them; ``after`` is the ``next`` of the page before."""
    return await _listing(office, actor, of, since).page(after, size)


def _listing(
    office: Office, actor: str, of: str, since: datetime | None
) -> paging.Listing[Entry, tuple[int], AuditView]:
    sought = _sought(actor, of, since)
    return paging.Listing(
        office.directory,
        lambda tx, key, most: audit.newest(tx, sought, below=key[0], limit=most),
        lambda entry: (entry.id,),
        (audit.NEWEST,),
        lambda tx: audit.count(tx, sought),
        shown,
    )


async def purge(office: Office) -> None:
    """Forget what is older than the settings say."""
    days = office.config.audit.keep_days
    before = first_id_at(office.now() - days * 86_400_000)
    while await office.db.write(lambda tx: audit.purge(tx, before), bulk=True):
        pass


def _sought(actor: str, of: str, since: datetime | None) -> Sought:
    oldest = 0 if since is None else min(audit.NEWEST, first_id_at(round(since.timestamp() * 1000)))
    return Sought(actor.strip(), of.strip().lower(), oldest)


def shown(entry: Entry) -> AuditView:
    """An entry as a postmaster reads it."""
    return AuditView(
        at=names.moment(entry.at),
        actor_kind=entry.actor_kind,
        actor=entry.actor,
        origin=entry.origin,
        action=entry.action,
        object=entry.object,
        detail=msgspec.json.decode(entry.detail),
    )
