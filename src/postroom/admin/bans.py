"""Bans: networks that get no service. Add, list, remove; a running server learns at once."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

import msgspec

from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.errors import Invalid, NotFound
from postroom.net import networks
from postroom.policy import ban_rows
from postroom.policy.bans import FOR_GOOD, Ban, Doors, is_exempt

REASON: Final = "by the postmaster"  # where none is given
MOST_HOURS: Final = 1_000_000  # 114 years; what is to last longer is for good
WIDEST: Final = {4: 8, 6: 16}  # prefix lengths: a ban of more than that is a slip


class BanView(msgspec.Struct, frozen=True):
    """A ban in force. ``until`` None: for good. ``by_hand``: a postmaster's."""

    network: str
    doors: Doors
    reason: str
    since: datetime
    until: datetime | None
    by_hand: bool


@recorded("ban.add", "network", "reason", "hours", "doors")
async def add(
    office: Office, network: str, *, reason: str = "", hours: int = 0, doors: Doors = "all"
) -> BanView:
    """Turn a network away for so many hours, 0: for good. Raises Invalid."""
    if not 0 <= hours <= MOST_HOURS:
        raise Invalid(f"a ban lasts {MOST_HOURS:,} hours at most; 0 is for good")
    return await _put(office, network, reason, doors, hours * 3_600_000)


@recorded("ban.add", "network", "reason", "until", "doors")
async def bring(
    office: Office, network: str, *, reason: str, until: datetime | None, doors: Doors
) -> BanView:
    """Turn a network away until then, or for good. Raises Invalid."""
    if until is None:
        return await _put(office, network, reason, doors, 0)
    length = round(until.timestamp() * 1000) - office.now()
    if length <= 0:
        raise Invalid(f"{network}: a ban until {until} is over already; leave it out")
    return await _put(office, network, reason, doors, length)


def checked(network: str) -> str:
    """A network that may be banned, in CIDR form. Raises Invalid."""
    try:
        found = networks.parse(network)
    except ValueError as error:
        raise Invalid(f"{network}: {error}; give an address or a network in CIDR form") from None
    if is_exempt(found):
        raise Invalid(f"{network}: this machine itself can't be banned")
    if found.prefixlen < WIDEST[found.version]:
        raise Invalid(f"{network}: too wide; /{WIDEST[found.version]} is the widest")
    return str(found)


async def _put(office: Office, network: str, reason: str, doors: Doors, length: int) -> BanView:
    """For so many milliseconds, 0: for good."""
    now = office.now()
    until = now + length if length else FOR_GOOD
    ban = Ban(checked(network), doors, reason or REASON, now, until, by_hand=True)
    await office.directory.change(lambda tx: ban_rows.put(tx, [ban]))
    return _view(ban)


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[BanView]:
    """All bans in force by network, read in pages."""
    async for one in _listing(office, search).every(limit):
        yield one


async def page(
    office: Office, *, search: str = "", after: str = "", size: int = 100
) -> Slice[BanView]:
    """One page of the bans in force, by network."""
    return await _listing(office, search).page(after, size)


def _listing(office: Office, search: str) -> paging.Listing[Ban, tuple[str, str], BanView]:
    now = office.now()
    return paging.Listing(
        office.directory,
        lambda tx, key, most: ban_rows.page(tx, key, most, now, search),
        lambda ban: (ban.network, str(ban.doors)),
        ("", ""),
        lambda tx: ban_rows.count(tx, now, search),
        _view,
    )


@recorded("ban.remove", "network", "doors")
async def remove(office: Office, network: str, *, doors: Doors | None = None) -> list[BanView]:
    """Let a network in again; an IPv6 address stands for its /64 too. Raises NotFound.

    With ``doors`` only that ban goes which is for these.
    """
    try:
        wanted = {str(networks.parse(network))}
    except ValueError:
        raise Invalid(f"{network}: neither an address nor a network") from None
    if (around := networks.around(network)) is not None:
        wanted.add(str(around))

    def write(tx: Tx) -> list[Ban]:
        gone = ban_rows.remove(tx, sorted(wanted), doors)
        removed = [one for one in gone if one.holds(office.now())]
        if not removed:
            raise NotFound(f"{network} is not banned; see: postroom ban list")
        return removed

    return [_view(ban) for ban in await office.directory.change(write)]


def _view(ban: Ban) -> BanView:
    until = None if ban.until == FOR_GOOD else names.moment(ban.until)
    return BanView(ban.network, ban.doors, ban.reason, names.moment(ban.since), until, ban.by_hand)
