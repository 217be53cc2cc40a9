r"""Retention: mailboxes are emptied of what has been there for long.

The settings say it of Junk and Trash; of any mailbox of an account a postmaster may, and its owner
as far as ``[retention] people`` lets them (``store.retention``). A mailbox with both uses keeps its
messages for the longer time; one that has another use besides (\Archive, say) is never emptied by
the settings. RFC 6154.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.admin.credentials import is_holding
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.config.retention import Retention
from postroom.db.database import Tx
from postroom.errors import Invalid, Refused
from postroom.store import expiry, mailboxes, retention as rows
from postroom.store.expiry import Expiry
from postroom.store.mailboxes import Mailbox
from postroom.store.names import SEPARATOR
from postroom.store.retention import DAY_MS, NOTHING, Said
from postroom.telemetry import sink
from postroom.telemetry.events import MessagesExpired

JUNK: Final = "\\Junk"
TRASH: Final = "\\Trash"
MAX_DAYS: Final = 36_500

By = Literal["settings", "postmaster", "owner"]


class KeptView(msgspec.Struct, frozen=True):
    """How long a mailbox keeps its messages: days, 0 for ever.

    ``by`` is who says so. ``most`` is the longest that its owner may choose, 0: as they like.
    """

    mailbox: str
    days: int
    by: By
    most: int


async def expire(office: Office) -> int:
    """Expunge everything whose time is over, mailbox by mailbox; how many messages went."""
    settings, now = office.config.retention, office.now()
    usual = periods(settings)
    removed = 0
    for special_use, days in usual.items():
        after = 0
        while days:
            before = now - days * DAY_MS
            found, after = await office.store.read(expiry.overdue, special_use, before, after)
            removed += await _expired(office, found)
            if not after:
                break
    after = 0
    while True:
        found, after = await office.store.read(rows.overdue, usual, settings.people, now, after)
        removed += await _expired(office, found)
        if not after:
            break
    if removed:
        sink.emit(MessagesExpired(messages=removed))
    return removed


def periods(retention: Retention) -> dict[str, int]:
    """Days by the special uses of a mailbox, as they are written; 0: never."""
    junk, trash = retention.junk_days, retention.trash_days
    both = max(junk, trash) if junk and trash else 0
    return {JUNK: junk, TRASH: trash, f"{JUNK} {TRASH}": both, f"{TRASH} {JUNK}": both}


async def show(office: Office, address: str) -> tuple[KeptView, ...]:
    """Every mailbox of an account, and how long it keeps its messages. Raises NotFound."""
    account = await office.account(address)
    ident = account.id
    if account.kind != "holding":
        await office.store.furnish(ident)

    def read(tx: Tx) -> tuple[KeptView, ...]:
        said = rows.of(tx, ident)
        found = mailboxes.listing(tx, ident)
        return tuple([_view(office, one, said.get(one.id, NOTHING)) for one in found])

    return await office.db.read(read)


@recorded("retention.set", "address", "mailbox", "days")
async def put(office: Office, address: str, mailbox: str, days: int | None) -> KeptView:
    """Say for the postmaster how long a mailbox keeps; None: as the settings say.

    Raises Invalid, NotFound.
    """
    return await _put(office, address, mailbox, days, is_owner=False)


@recorded("retention.set-own", "address", "mailbox", "days")
async def put_own(office: Office, address: str, mailbox: str, days: int | None) -> KeptView:
    """Say for its owner how long a mailbox keeps; None: as the others say.

    Raises Invalid, NotFound, and Refused for what owners may not do.
    """
    return await _put(office, address, mailbox, days, is_owner=True)


@recorded("retention.replace", "address")
async def replace(office: Office, address: str, said: Mapping[str, Said]) -> None:
    """Let this be all that is said of the mailboxes of an account; those that lack are made.

    Raises Invalid, NotFound.
    """
    for one in said.values():
        for days in (one.days, one.own_days):
            _valid(days)
    account = await office.account(address)
    if account.kind == "holding":
        raise is_holding(account)
    ident = account.id
    await office.store.furnish(ident)
    ids = {name: [office.ids.next() for _ in name.split(SEPARATOR)] for name in said}

    def write(tx: Tx) -> None:
        for mailbox_id in rows.of(tx, ident):
            rows.put(tx, mailbox_id, NOTHING)
        for name, one in said.items():
            found = mailboxes.find(tx, ident, name)
            if found is None:
                found = mailboxes.create(tx, ident, name, None, ids[name], office.now())
            rows.put(tx, found.id, one)

    await office.db.write(write)


async def _put(
    office: Office, address: str, mailbox: str, days: int | None, *, is_owner: bool
) -> KeptView:
    _valid(days)
    account = await office.account(address)
    if account.kind == "holding":
        raise is_holding(account)
    ident = account.id
    await office.store.furnish(ident)

    def write(tx: Tx) -> KeptView:
        found = mailboxes.get(tx, ident, mailbox)
        said = rows.of(tx, ident).get(found.id, NOTHING)
        if is_owner:
            _check(office, _view(office, found, said), days)
            said = Said(said.days, days)
        else:
            said = Said(days, said.own_days)
        rows.put(tx, found.id, said)
        return _view(office, found, said)

    return await office.db.write(write)


def _valid(days: int | None) -> None:
    if days is not None and not 0 <= days <= MAX_DAYS:
        raise Invalid(f"{days} is no number of days; there may be {MAX_DAYS}, or 0 for ever")


def _check(office: Office, now: KeptView, days: int | None) -> None:
    """Refuse what owners may not do; to go back they may always."""
    if days is None or office.config.retention.people == "any":
        return
    if office.config.retention.people == "no":
        raise Refused("how long mailboxes keep is up to your postmaster ([retention] people)")
    if now.most and not 0 < days <= now.most:
        raise Refused(
            f"{now.mailbox} keeps messages for {now.most} days at most;"
            " a longer time is up to your postmaster"
        )


def _view(office: Office, mailbox: Mailbox, said: Said) -> KeptView:
    settings = office.config.retention
    usual = periods(settings).get(mailbox.special_use or "", 0)
    days = rows.effective(said, usual, settings.people)
    by: By = "settings" if said.days is None else "postmaster"
    if said.own_days is not None and days == said.own_days and settings.people != "no":
        by = "owner"
    limit = 0 if settings.people == "any" else rows.most(said, usual)
    return KeptView(mailbox.name, days, by, limit)


async def _expired(office: Office, orders: Sequence[Expiry]) -> int:
    removed = 0
    for order in orders:
        removed += await office.store.expire(order)
    return removed
