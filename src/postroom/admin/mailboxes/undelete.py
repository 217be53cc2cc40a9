"""Messages that were deleted and can be had back: list, restore, purge.

What left a mailbox (EXPUNGE, CLOSE, POP3 DELE, the deletion of the mailbox) is kept for
``limits.undelete_days`` and counts to no quota meanwhile. Copies are named by their ids, or
chosen by what they have in common; long work goes in chunks.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from postroom.access.indexer import Indexer
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory.accounts import Account
from postroom.errors import Invalid, NotFound, Refused
from postroom.message.casemap import casemap
from postroom.message.charset import decode_words
from postroom.message.headers import collect
from postroom.message.index import one_line
from postroom.quota import NO_QUOTA
from postroom.store import expunged, textindex
from postroom.store.expunged import Expunged, Weight
from postroom.store.names import canonical, checked
from postroom.store.restoring import Restoration

PAGE: Final = 100  # header blocks that are in memory together
DAY_MS: Final = 86_400_000

_SHOWN: Final = frozenset({b"from", b"subject"})


class ExpungedView(msgspec.Struct, frozen=True):
    """A deleted message. ``mailbox`` is where it was; ``received`` is its INTERNALDATE."""

    id: str
    expunged: datetime
    until: datetime
    """When it goes; earlier when the disk gets full."""
    mailbox: str
    received: datetime
    size: int
    sender: str
    subject: str


class Filter(msgspec.Struct, frozen=True):
    """Deleted messages by what they have in common; "" and None: any.

    ``mailbox`` is the name at that time; ``sender`` and ``subject`` are texts in these fields,
    without case; ``since``: deleted then or later.
    """

    mailbox: str = ""
    since: datetime | None = None
    sender: str = ""
    subject: str = ""

    @property
    def chosen(self) -> expunged.Chosen:
        """The part that the database answers."""
        since = 0 if self.since is None else round(self.since.timestamp() * 1000)
        return expunged.Chosen(canonical(self.mailbox) if self.mailbox else "", since)

    @property
    def reads_heads(self) -> bool:
        """Whether header blocks are looked at."""
        return bool(self.sender or self.subject)

    def fits(self, head: bytes) -> bool:
        """Whether a header block has the texts."""
        if not self.reads_heads:
            return True
        fields = collect(head, _SHOWN)
        wanted = ((b"from", casemap(self.sender)), (b"subject", casemap(self.subject)))
        return all(
            any(text in casemap(decode_words(value)) for value in fields.get(name, [b""]))
            for name, text in wanted
        )


class Restored(msgspec.Struct, frozen=True):
    """What came back, and how many messages into each mailbox."""

    messages: int
    octets: int
    mailboxes: dict[str, int]


class Purged(msgspec.Struct, frozen=True):
    """How many deleted messages are gone for good."""

    messages: int


EVERYTHING: Final = Filter()


async def every(
    office: Office, address: str, chosen: Filter = EVERYTHING, *, limit: int | None = None
) -> AsyncIterator[ExpungedView]:
    """The deleted messages of an account, the latest first, read in pages."""
    account = await office.account(address)
    days = office.config.limits.undelete_days
    left = limit
    below = expunged.NEWEST
    while left is None or left > 0:

        def read(tx: Tx, below: int = below) -> tuple[list[Expunged], list[ExpungedView]]:
            page = expunged.newest(tx, account.id, chosen.chosen, below=below, limit=PAGE)
            heads = office.blobs.heads(tx, [copy.blob_id for copy in page])
            found = [(copy, heads.get(copy.blob_id, b"")) for copy in page]
            return page, [_view(copy, head, days) for copy, head in found if chosen.fits(head)]

        page, views = await office.db.read(read)
        for view in views[:left]:
            yield view
        if len(page) < PAGE:
            return
        below = page[-1].id
        left = None if left is None else left - len(views)


async def page(
    office: Office, address: str, chosen: Filter = EVERYTHING, *, after: str = "", size: int = 100
) -> Slice[ExpungedView]:
    """One page of them, by mailbox and time only: texts in header blocks are not looked for."""
    account = await office.account(address)
    days = office.config.limits.undelete_days

    def read(tx: Tx, key: tuple[int], most: int) -> list[tuple[int, ExpungedView]]:
        found = expunged.newest(tx, account.id, chosen.chosen, below=key[0], limit=most)
        heads = office.blobs.heads(tx, [copy.blob_id for copy in found])
        return [(one.id, _view(one, heads.get(one.blob_id, b""), days)) for one in found]

    return await paging.Listing(
        office.directory,
        read,
        lambda one: (one[0],),
        (expunged.NEWEST,),
        lambda tx: expunged.weight(tx, account.id, chosen.chosen).messages,
        lambda one: one[1],
    ).page(after, size)


async def weight(office: Office, address: str, chosen: Filter = EVERYTHING) -> Weight:
    """How many deleted messages there are, and their octets."""
    account = await office.account(address)
    return await _weight(office, account, chosen)


@recorded("undelete.restore", "address", "to")
async def restore(
    office: Office,
    address: str,
    chosen: Sequence[str] | Filter,
    *,
    to: str = "",
    over_quota: bool = False,
) -> Restored:
    """Put deleted messages back where they were, or into one mailbox; made where it is missing.

    Refused before the first when they are more than the quota leaves room for.
    """
    account = await office.account(address)
    target = checked(to) if to else ""
    quota = NO_QUOTA if over_quota else account.quota
    if quota:
        await _check_room(office, account, chosen)
    messages = octets = 0
    mailboxes: dict[int, tuple[str, int]] = {}
    async for ids in _chunks(office, account, chosen):
        done = await office.store.restore(account.id, Restoration(ids, target, quota))
        messages += done.messages
        octets += done.octets
        for ident, (name, count) in done.mailboxes.items():
            mailboxes[ident] = (name, count + mailboxes.get(ident, (name, 0))[1])
        office.notify.hint(done.mailboxes)
    return Restored(messages, octets, dict(sorted(mailboxes.values())))


@recorded("undelete.purge", "address")
async def purge(office: Office, address: str, chosen: Sequence[str] | Filter) -> Purged:
    """End deleted messages for good; octets and index go at once where nobody else has them."""
    account = await office.account(address)
    messages = 0
    async for ids in _chunks(office, account, chosen):
        done = await office.store.purge(account.id, ids)
        await office.blobs.erase(office.db, done.blob_ids)
        messages += done.messages
    indexer = Indexer(office.store, office.config.search.max_text)
    while (late := await office.store.read(textindex.next_late, account.id)) is not None:
        await indexer.settle(late)
    return Purged(messages)


async def _check_room(office: Office, account: Account, chosen: Sequence[str] | Filter) -> None:
    wanted = await _weight(office, account, chosen)
    used, quota = await office.store.usage(account.id), account.quota
    if not wanted.messages:
        return
    messages = names.count(wanted.messages, "message")
    if 0 < quota.octets < used.octets + wanted.octets:
        raise Refused(
            f"{account.address} has no room for {messages} of {wanted.octets}"
            f" octets: {used.octets} of {quota.octets} are used; give it more (postroom account"
            f" quota {account.address} SIZE), or restore them with --over-quota"
        )
    if 0 < quota.messages < used.messages + wanted.messages:
        raise Refused(
            f"{account.address} has no room for {messages}: it has"
            f" {used.messages} and may have {quota.messages}; let it have more (postroom account"
            f" quota {account.address} --messages N), or restore them with --over-quota"
        )


async def _weight(office: Office, account: Account, chosen: Sequence[str] | Filter) -> Weight:
    if isinstance(chosen, Filter) and not chosen.reads_heads:
        return await office.db.read(lambda tx: expunged.weight(tx, account.id, chosen.chosen))
    messages = octets = 0
    async for page in _pages(office, account, chosen):
        messages += len(page)
        octets += sum(copy.size for copy in page)
    return Weight(messages, octets)


async def _chunks(
    office: Office, account: Account, chosen: Sequence[str] | Filter
) -> AsyncIterator[list[int]]:
    async for page in _pages(office, account, chosen):
        yield [copy.id for copy in page]


async def _pages(
    office: Office, account: Account, chosen: Sequence[str] | Filter
) -> AsyncIterator[list[Expunged]]:
    """Pages that are not empty, in the order in which they were expunged."""
    if not isinstance(chosen, Filter):
        for page in await _named(office, account, chosen):
            yield page
        return
    after = 0
    size = PAGE if chosen.reads_heads else expunged.MOST_NAMED
    while True:

        def read(tx: Tx, after: int = after) -> tuple[list[Expunged], list[Expunged]]:
            page = expunged.oldest(tx, account.id, chosen.chosen, after=after, limit=size)
            if not chosen.reads_heads:
                return page, page
            heads = office.blobs.heads(tx, [copy.blob_id for copy in page])
            return page, [copy for copy in page if chosen.fits(heads.get(copy.blob_id, b""))]

        page, fitting = await office.db.read(read)
        if fitting:
            yield fitting
        if len(page) < size:
            return
        after = page[-1].id


async def _named(office: Office, account: Account, texts: Iterable[str]) -> list[list[Expunged]]:
    """The copies with these ids, in pages; raises NotFound when one is not there."""
    numbers = {_number(text): text for text in texts}
    wanted = sorted(numbers)
    pages = []
    for at in range(0, len(wanted), expunged.MOST_NAMED):
        some = wanted[at : at + expunged.MOST_NAMED]
        page = await office.db.read(lambda tx, some=some: expunged.named(tx, account.id, some))  # type: ignore[misc]
        missing = set(some) - {copy.id for copy in page}
        if missing:
            raise NotFound(
                f"{account.address} has no deleted message {numbers[min(missing)]}; nothing was"
                f" changed, see: postroom undelete list {account.address}"
            )
        pages.append(page)
    return pages


def _number(text: str) -> int:
    return names.ident(
        text, Invalid(f"{text} is no id of a deleted message: it has 13 letters and digits")
    )


def _view(copy: Expunged, head: bytes, days: int) -> ExpungedView:
    fields = collect(head, _SHOWN)
    return ExpungedView(
        id=to_text(copy.id),
        expunged=names.moment(copy.expunged_at),
        until=names.moment(copy.expunged_at + days * DAY_MS),
        mailbox=copy.mailbox,
        received=names.moment(copy.received),
        size=copy.size,
        sender=one_line(fields.get(b"from")),
        subject=one_line(fields.get(b"subject")),
    )
