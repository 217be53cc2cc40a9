"""Our own sending addresses in the blocklists of others: asked now and then, and noted.

What was found is kept as the note ``listings``, where the overview, the alerts and commands
find it. A list that can't be asked at the moment leaves what it said before.
"""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Final

import msgspec

from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.own_addresses import public_addresses
from postroom.db.database import Tx
from postroom.ledger import notes
from postroom.mailauth.lookups import Check
from postroom.net import checks
from postroom.net.addresses import Address, is_public
from postroom.net.dns import Resolver
from postroom.net.fetch import Rules
from postroom.policy import own_listings
from postroom.policy.own_listings import Listed, Looked
from postroom.telemetry import sink
from postroom.telemetry.events import BlocklistListed, BlocklistUnusable

NOTE: Final = "listings"
_CLAIM: Final = "listings begun"
HOUR_MS: Final = 3_600_000
MOST_ADDRESSES: Final = 16
_PAGES: Final = {
    "bl.spamcop.net": "https://www.spamcop.net/w3m?action=checkblock&ip={}",
    "psbl.surriel.com": "https://psbl.org/listing?ip={}",
}


class ListingView(msgspec.Struct, frozen=True):
    """A list that was asked, when, and what it says. ``problem``: why it is not believed."""

    zone: str
    at: datetime
    addresses: tuple[str, ...]
    listed: tuple[Listed, ...]
    problem: str


async def look_if_due(office: Office, resolver: Resolver) -> None:
    """Ask all lists, some hours after the last time. One server of many does."""
    if not office.config.alerts.blocklists:
        return
    every = office.config.alerts.blocklist_hours * HOUR_MS
    now = office.now()

    def claim(tx: Tx) -> bool:
        return notes.claim(tx, _CLAIM, now, every)

    if await office.db.write(claim, bulk=True):
        await look(office, resolver)


async def look(office: Office, resolver: Resolver) -> list[Looked]:
    """Ask all lists about all addresses now; without a public address nobody is asked."""
    addresses = await sending_addresses(office, resolver)
    found: list[Looked] = []
    for zone in office.config.alerts.blocklists if addresses else ():
        check: Check[Looked] = own_listings.look(zone, addresses)
        found.append(await checks.run(check, resolver, Rules()))
    for one in found:
        if one.problem:
            sink.emit(BlocklistUnusable(zone=one.zone, reason=one.problem))
        for listed in one.listed:
            sink.emit(BlocklistListed(zone=one.zone, address=listed.address, reason=listed.reason))
    now = office.now()

    def write(tx: Tx) -> None:
        before = notes.find(tx, NOTE, list[Looked])
        merged = merge(before[1] if before else [], found, [str(one) for one in addresses])
        notes.put(tx, NOTE, now, merged)

    await office.db.write(write, bulk=True)
    return found


async def sending_addresses(office: Office, resolver: Resolver) -> list[Address]:
    """The public addresses that others see our mail come from, as far as they are known."""
    delivery = office.config.delivery
    chosen = [one for one in (delivery.source_ipv4, delivery.source_ipv6) if one]
    found = [ip_address(one) for one in chosen if is_public(one)]
    versions = {one.version for one in found}
    others = await public_addresses(office.config, resolver)
    found += [one for one in others if one.version not in versions and is_public(str(one))]
    return found[:MOST_ADDRESSES]


def merge(
    before: Sequence[Looked], now: Sequence[Looked], addresses: Sequence[str]
) -> list[Looked]:
    """What is known now: of an address that a list did not answer for, what it said before."""
    known = {one.zone: one.listed for one in before}
    merged: list[Looked] = []
    for one in now:
        kept = [
            listed
            for listed in known.get(one.zone, ())
            if listed.address in addresses and listed.address not in one.addresses
        ]
        merged.append(msgspec.structs.replace(one, listed=(*one.listed, *kept)))
    return merged


async def last(office: Office) -> list[ListingView]:
    """What was found the last time, of the lists that are still asked."""
    found = await office.db.read(lambda tx: notes.find(tx, NOTE, list[Looked]))
    if found is None:
        return []
    at, every = found
    return [
        ListingView(one.zone, names.moment(at), one.addresses, one.listed, one.problem)
        for one in every
        if one.zone in {zone.rstrip(".") for zone in office.config.alerts.blocklists}
    ]


def advice(one: Listed) -> str:
    """What to do about a listing."""
    page = _PAGES.get(one.zone, "").format(one.address)
    where = f" at {page}" if page else f" at the web site of {one.zone}"
    return (
        "find out who has sent spam from here (postroom queue list, a hijacked account, a forward),"
        f" end that first, and then ask for removal{where}"
    )
