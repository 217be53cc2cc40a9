r"""A message as one thing in several mailboxes: where it is and what it is marked with, changed whole.

Its entries join and leave mailboxes and get their flags in one transaction, so that nobody ever
sees half of a change (RFC 8620 §5.3, RFC 8621 §4.6). Who marks it marks all its entries alike; it
counts as marked when one of them is. \Deleted stays as it is.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from postroom.access import rights as letters, teaching
from postroom.access.places import Place
from postroom.db.database import Tx
from postroom.errors import NotAllowed, NotFound
from postroom.quota import Quota
from postroom.store import entries, flags as flag_words, locating, removal, usage
from postroom.store.copying import Transfer
from postroom.store.entries import UNTOLD, FlagChange
from postroom.store.mailboxes import Mailbox
from postroom.store.spans import Span
from postroom.store.store import Store, account_key

_MARKS: Final = flag_words.ALL & ~flag_words.DELETED


class Entry(msgspec.Struct, frozen=True):
    """A message in a mailbox."""

    place: Place
    uid: int


class Marks(msgspec.Struct, frozen=True):
    """System flags as bits, and keywords in lower case."""

    bits: int
    words: frozenset[str]


class Refiling(msgspec.Struct, frozen=True):
    """What becomes of a message: of all its ``entries``, which are at least one.

    ``marks`` gives those that it is to have, from those that it has; None: as they are.
    """

    message_id: int
    entries: tuple[Entry, ...]
    joins: tuple[Place, ...] = ()
    leaves: frozenset[int] = frozenset()
    marks: Callable[[Marks], Marks] | None = None


class Moved(NotFound):
    """An entry is not where it was: it has to be looked for again."""


async def refile(store: Store, order: Refiling) -> None:
    """Carry it out. Raises Moved, NotAllowed, Invalid for too many keywords, MailError."""
    for entry in order.entries:
        if entry.place.mailbox.id in order.leaves:
            entry.place.require(letters.DELETE, letters.EXPUNGE)
    for place in order.joins:
        place.require(letters.INSERT)
    if order.joins:
        store.blobs.disk.require_for_copies(len(order.joins))
    account_id = order.entries[0].place.mailbox.account_id
    quota = await store.quota_of(account_id)
    for entry, change in await store.write(_refile, store, order, quota, store.clock()):
        span = Span(entry.uid, entry.uid)
        await teaching.by_storing(store, entry.place.mailbox, change, [span])
    touched = {one.place.mailbox.id for one in order.entries}
    touched |= {one.mailbox.id for one in order.joins}
    member = order.entries[0].place.member
    store.wake(*touched, *(() if member is None else (account_key(member),)))


def _refile(
    tx: Tx, store: Store, order: Refiling, quota: Quota, now: int
) -> list[tuple[Entry, FlagChange]]:
    """In a transaction: what was added to the marks of which entries."""
    account_id = order.entries[0].place.mailbox.account_id
    usage.lock(tx, account_id, now)
    for entry in order.entries:
        found = locating.message_at(tx, entry.place.mailbox.id, entry.uid)
        if found != (account_id, order.message_id):
            raise Moved("the message is not where it was")
    before = _marks(tx, order.entries)
    wanted = before if order.marks is None else order.marks(before)
    staying = [one for one in order.entries if one.place.mailbox.id not in order.leaves]
    leaving = [one for one in order.entries if one.place.mailbox.id in order.leaves]
    for place in order.joins:
        is_move = bool(leaving)
        source = leaving.pop() if is_move else staying[0]
        staying.append(_joined(tx, store, source, place, quota, now, is_move=is_move))
    added: list[tuple[Entry, FlagChange]] = []
    joined = {one.mailbox.id for one in order.joins}
    for entry in staying:
        is_new = entry.place.mailbox.id in joined
        if order.marks is None and not is_new:
            continue
        change = _mark(tx, entry, before, wanted)
        if change is not None and not is_new:
            added.append((entry, change))
    for entry in leaving:
        _remove(tx, store, entry, now, keeps=not staying)
    return added


async def adopt(
    store: Store,
    source: Entry,
    targets: Sequence[Place],
    marks: Marks | None,
    received: int | None = None,
) -> None:
    """Copy a message of another account into mailboxes of one, in one transaction.

    With other ``marks`` and INTERNALDATE than it has, where these are given. Raises NotFound,
    NotAllowed, MailError.
    """
    for place in targets:
        place.require(letters.INSERT)
    store.blobs.disk.require_for_copies(len(targets))
    account_id = targets[0].mailbox.account_id
    quota = await store.quota_of(account_id)
    now = store.clock()

    def write(tx: Tx) -> None:
        for one in sorted({account_id, source.place.mailbox.account_id}):
            usage.lock(tx, one, now)
        made = source
        for place in targets:
            made = _joined(tx, store, made, place, quota, now, is_move=False)
            if marks is not None:
                _mark(tx, made, _marks(tx, [made]), marks)
            if received is not None:
                entries.redate(tx, place.mailbox.id, made.uid, received)

    await store.write(write)
    store.wake(*[place.mailbox.id for place in targets])


def _joined(
    tx: Tx, store: Store, source: Entry, place: Place, quota: Quota, now: int, *, is_move: bool
) -> Entry:
    """Put a message into a mailbox of the same account."""
    transfer = Transfer(
        source_account=source.place.mailbox.account_id,
        source_mailbox=source.place.mailbox.id,
        target=place.mailbox,
        spans=(Span(source.uid, source.uid),),
        is_move=is_move,
        quota=quota,
        reader=source.place.member,
        member=place.member,
        mask=letters.flag_mask(place.rights),
        names=letters.WRITE in place.rights,
    )
    taught = teaching.by_moving(source.place.mailbox, place.mailbox) if store.learns else None
    copied = teaching.transfer(tx, store.blobs, transfer, now, taught)
    return Entry(place, copied.first)


def _marks(tx: Tx, found: Sequence[Entry]) -> Marks:
    """What the entries are marked with, one or another."""
    bits, words = 0, set[str]()
    for entry in found:
        bits_here, text = _row(tx, entry)
        bits |= bits_here
        words |= set(text.lower().split())
    return Marks(bits & _MARKS, frozenset(words))


def _mark(tx: Tx, entry: Entry, before: Marks, wanted: Marks) -> FlagChange | None:
    """Give an entry these marks: what it lacked of them, None when it stays as it was.

    Raises NotAllowed for one that the person may not change.
    """
    place = entry.place
    bits, text = _row(tx, entry)
    words = {one.lower(): one for one in text.split()}
    mask, names = letters.flag_mask(place.rights), letters.WRITE in place.rights
    if (before.bits ^ wanted.bits) & ~mask or (before.words != wanted.words and not names):
        raise NotAllowed(f"you may not change these flags in {place.name!r}")
    kept = frozenset(words.get(one, one) for one in wanted.words)
    if bits & _MARKS & mask == wanted.bits & mask and (not names or kept == set(words.values())):
        return None
    change = FlagChange("replace", wanted.bits, kept, mask=mask & _MARKS, names=names)
    span = Span(entry.uid, entry.uid)
    entries.update_flags(
        tx, place.mailbox.account_id, place.mailbox.id, span, change, UNTOLD, member=place.member
    )
    return FlagChange("add", wanted.bits & ~bits, kept - set(words.values()), mask, names)


def _remove(tx: Tx, store: Store, entry: Entry, now: int, *, keeps: bool) -> None:
    """Take it out of a mailbox; what is in no other can be had back for a while."""
    mailbox: Mailbox = entry.place.mailbox
    order = store.removal_of(mailbox.account_id, mailbox.id, entry.uid)
    if not keeps:
        order = msgspec.structs.replace(order, keeps=None)
    removal.expunge(tx, store.blobs, order, now)


def _row(tx: Tx, entry: Entry) -> tuple[int, str]:
    span = Span(entry.uid, entry.uid)
    ((_, bits, text, _),) = entries.rows_of(
        tx, entry.place.mailbox.id, [span], member=entry.place.member
    )
    return bits, text
