"""Signing keys of domains: show, list, rotate, activate, purge (RFC 6376).

A domain that was made before there were keys gets its pair when it is first asked for.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from postroom.address import Domain
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import dkim_keys, domains
from postroom.directory.dkim_keys import (
    PUBLISHED_MS,
    Algorithm,
    DkimKey,
    Generate,
    State,
    generate_pair,
)
from postroom.errors import Refused


class KeyView(msgspec.Struct, frozen=True):
    """A key and the DNS record that publishes it."""

    domain: str
    selector: str
    algorithm: Algorithm
    state: State
    name: str
    """Where the record stands, without the dot at the end."""
    type: str
    value: str
    """The text of the record, not yet cut into strings of 255 octets."""
    created: datetime
    activated: datetime | None
    retired: datetime | None
    published_until: datetime | None
    """Of a retired key: when its record may be taken out of DNS."""


async def show(
    office: Office, domain: str, *, generate: Generate = generate_pair
) -> tuple[KeyView, ...]:
    """Every key of a domain, the oldest first."""
    return await ensure_keys(office, domain, generate=generate)


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[KeyView]:
    """All keys by domain and age, read in pages."""
    sought = names.sought(search)
    async for key in paging.walk(
        office.directory,
        lambda tx, after, size: dkim_keys.page(tx, after, size, sought),
        lambda key: (key.domain, key.id),
        ("", 0),
        limit,
    ):
        yield view(key)


async def ensure_keys(
    office: Office, domain: str, *, generate: Generate = generate_pair
) -> tuple[KeyView, ...]:
    """The keys of an own domain; the first pair is made when there is none that signs."""
    name = names.domain(domain)
    found = await _keys(office, name)
    if not any(key.state == "active" for key in found):
        pair = await asyncio.to_thread(generate)
        ids = (office.ids.next(), office.ids.next())
        seal_key, now = office.directory.secrets.seal, office.now()

        def write(tx: Tx) -> list[DkimKey]:
            own = domains.require(tx, name)
            present = dkim_keys.of(tx, own.id)
            if any(key.state == "active" for key in present):
                return present  # someone else was faster
            return dkim_keys.add(tx, ids, own, pair, seal_key=seal_key, now=now)

        try:
            found = await office.directory.change(write)
        except Refused:  # the same, at the same moment (PostgreSQL)
            found = await _keys(office, name)
            if not any(key.state == "active" for key in found):
                raise
    return tuple(map(view, found))


async def make_missing(office: Office, *, generate: Generate = generate_pair) -> int:
    """Give a pair to every own domain that has none; how many got one."""
    after, made = "", 0
    while True:
        found = await _without(office, after)
        for name in found:
            await ensure_keys(office, name, generate=generate)
        made += len(found)
        if len(found) < paging.PAGE:
            return made
        after = found[-1]


@recorded("dkim.rotate", "domain", "at_once")
async def rotate(
    office: Office, domain: str, *, at_once: bool = False, generate: Generate = generate_pair
) -> tuple[KeyView, ...]:
    """Make a new pair, which waits to be seen in DNS; ``at_once`` lets it sign now.

    When a pair waits already, ``at_once`` lets that one sign. Returns every key.
    """
    name = names.domain(domain)
    waits = [key for key in await _keys(office, name) if key.state == "waiting"]
    if waits and not at_once:
        raise _waits_already(waits)
    pair = None if waits else await asyncio.to_thread(generate)
    ids = (office.ids.next(), office.ids.next())
    seal_key, now = office.directory.secrets.seal, office.now()

    def write(tx: Tx) -> list[DkimKey]:
        own = domains.require(tx, name)
        keys = dkim_keys.of(tx, own.id)
        if [key.id for key in keys if key.state == "waiting"] != [key.id for key in waits]:
            raise Refused(f"the keys of {name.unicode} were changed at this moment; try again")
        if pair is not None:
            keys = dkim_keys.add(tx, ids, own, pair, seal_key=seal_key, now=now)
        if at_once:
            due = [key.id for key in keys if key.state == "waiting"]
            dkim_keys.activate(tx, due, now)
        return dkim_keys.of(tx, own.id)

    return tuple(map(view, await office.directory.change(write)))


async def waiting(office: Office, limit: int = paging.PAGE) -> list[DkimKey]:
    """Keys whose records must be looked for in DNS."""
    return await office.directory.look(lambda tx: dkim_keys.waiting(tx, limit))


async def activate(office: Office, ids: Sequence[int]) -> None:
    """The records of these were seen in DNS: they sign from now on, the others retire."""
    now = office.now()
    await office.directory.change(lambda tx: dkim_keys.activate(tx, ids, now))


async def expired(office: Office) -> list[DkimKey]:
    """Keys that ``purge`` would forget; at most 500."""
    now = office.now()
    return await office.directory.look(lambda tx: dkim_keys.expired(tx, now))


async def purge(office: Office) -> int:
    """Forget keys that retired more than seven days ago; how many."""
    now = office.now()
    if not await expired(office):
        return 0  # no change that would empty every cache
    return len(await office.directory.change(lambda tx: dkim_keys.purge(tx, now)))


def view(key: DkimKey) -> KeyView:
    """A key for people."""
    return KeyView(
        domain=key.domain,
        selector=key.selector,
        algorithm=key.algorithm,
        state=key.state,
        name=key.record_name,
        type="TXT",
        value=key.record,
        created=names.moment(key.created),
        activated=None if key.activated is None else names.moment(key.activated),
        retired=None if key.retired is None else names.moment(key.retired),
        published_until=None if key.retired is None else names.moment(key.retired + PUBLISHED_MS),
    )


async def _keys(office: Office, name: Domain) -> list[DkimKey]:
    return await office.directory.look(lambda tx: dkim_keys.of(tx, domains.require(tx, name).id))


async def _without(office: Office, after: str) -> list[str]:
    return await office.directory.look(lambda tx: dkim_keys.without(tx, after, paging.PAGE))


def _waits_already(keys: Sequence[DkimKey]) -> Refused:
    domain = Domain(keys[0].domain).unicode
    return Refused(
        f"{' and '.join(key.selector for key in keys)} of {domain} still wait to be seen in DNS;"
        f" see: postroom dkim show {domain}, or let them sign: postroom dkim rotate {domain} --now"
    )
