"""What was filed as junk for somebody, as their postmaster may see it: header fields and reasons.

Bodies are not shown. Whoever looks does so by name: each look is an entry of the audit log.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from postroom.access import teaching
from postroom.access.teaching import JUNK
from postroom.admin import names, paging
from postroom.admin.mailboxes import why
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Row, Tx
from postroom.directory import accounts
from postroom.errors import NotFound
from postroom.message import headers
from postroom.message.index import one_line
from postroom.store import listing, mailboxes
from postroom.store.copying import Transfer
from postroom.store.mailboxes import INBOX, Mailbox
from postroom.store.spans import Span

WINDOW: Final = 500  # UIDs that are looked at together
MOST_WINDOWS: Final = 40

_FIELDS: Final = frozenset({b"from", b"subject"})
_STATUS: Final = b"x-spam-status"


class JunkView(msgspec.Struct, frozen=True):
    """One message of the mailbox for junk. ``reason`` is why, in words; "" when nothing was noted."""

    uid: int
    at: datetime
    author: str
    subject: str
    size: int
    reason: str


@recorded("junk.look", "address")
async def page(office: Office, address: str, *, after: str = "", size: int = 50) -> Slice[JunkView]:
    """One page of the junk of an account, the latest first. Raises NotFound."""
    name = names.address(address)

    def read(tx: Tx) -> tuple[list[JunkView], int, str]:
        account = accounts.require(tx, name)
        mailbox = mailboxes.by_use(tx, account.id, JUNK)
        if mailbox is None:
            return [], 0, ""
        (below,) = paging.key_of(after, (mailbox.uidnext,))
        found, below = _latest(tx, mailbox, below, size)
        more = len(found) > size or below > 1
        last = found[size - 1][0] if len(found) >= size else below
        return (
            _views(office, tx, found[:size]),
            mailbox.messages,
            paging.cursor((last,)) if more else "",
        )

    found, total, following = await office.db.read(read)
    await office.db.write(lambda _tx: None)
    return Slice(tuple(found), total, following)


async def newest(office: Office, mailbox: Mailbox, size: int, *, since: int = 0) -> list[JunkView]:
    """At most so many of a mailbox that came after a time, the latest first; for its person."""

    def read(tx: Tx) -> list[JunkView]:
        rows, _ = _latest(tx, mailbox, mailbox.uidnext, size)
        return _views(office, tx, [row for row in rows[:size] if row[5] > since])

    return await office.db.read(read)


@recorded("junk.wanted", "address", "uid")
async def wanted(office: Office, address: str, uid: int) -> None:
    """Move one into the INBOX; the spam filter learns that it is none. Raises NotFound."""
    account = await office.account(address)
    await office.store.furnish(account.id)
    is_spam = False if office.config.spam.enabled else None

    def write(tx: Tx) -> tuple[int, int]:
        source = mailboxes.by_use(tx, account.id, JUNK)
        target = mailboxes.get(tx, account.id, INBOX)
        gone = NotFound(f"{account.address} has no such message among its junk any more")
        if source is None:
            raise gone
        order = Transfer(account.id, source.id, target, (Span(uid, uid),), is_move=True)
        if not teaching.transfer(tx, office.blobs, order, office.now(), is_spam).sources:
            raise gone
        return source.id, target.id

    office.store.wake(*await office.db.write(write))


def _latest(tx: Tx, mailbox: Mailbox, below: int, size: int) -> tuple[list[Row], int]:
    """Rows under a UID, the latest first, one more than ``size`` if there are; how far it looked."""
    found: list[Row] = []
    for _ in range(MOST_WINDOWS):
        if below <= 1 or len(found) > size:
            break
        first = max(1, below - WINDOW)
        span = Span(first, below - 1)
        rows = listing.page_with(tx, mailbox.account_id, mailbox.id, span, ("prefix",))
        found += reversed(rows)
        below = first
    return found, below


def _views(office: Office, tx: Tx, rows: Sequence[Row]) -> list[JunkView]:
    heads = office.blobs.heads(tx, [row[7] for row in rows])
    return [_view(row, heads.get(row[7], b"")) for row in rows]


def _view(row: Row, head: bytes) -> JunkView:
    known = headers.collect(head, _FIELDS)
    noted = headers.collect(bytes(row[8]), frozenset({_STATUS}))
    return JunkView(
        uid=row[0],
        at=names.moment(row[5]),
        author=one_line(known.get(b"from")),
        subject=one_line(known.get(b"subject")),
        size=row[4],
        reason="; ".join(why.because(one_line(noted.get(_STATUS)))),
    )
