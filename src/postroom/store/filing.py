"""Filing: letters become messages in mailboxes, many letters in one transaction.

``file_letters`` is called by ``post.commit`` with all letters that wait. It answers, for
each, what was filed or the refusal; a refused letter has left no row. One UPDATE an
account (usage, which is also the account's lock) and one a mailbox (UID, MODSEQ) serve
the whole batch, then one ``many`` a table. Accounts and mailboxes are taken in the order
of their ids. The quota is checked inside: a letter is refused when the account was full
*before* it, so an account is over its octets by one letter at most; one that says how much
``room`` it needs is refused when there is less. Of messages there are never too many.

Running twice: everything here hangs on the transaction. When it is rolled back, nothing
was allocated. When it was committed and the same letters come again (the answer of the
database was lost), the primary keys of ``message`` and ``blob`` refuse them, the whole
second transaction is undone with its UIDs, and ``already_filed`` tells what the first one
did. So the way of every letter costs no look-up.

RFC 3501 §2.3.1.1 (UID, UIDVALIDITY), RFC 7162 §3.1 (MODSEQ), RFC 3463 X.2.2 (quota).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from postroom.db.database import Row, Tx
from postroom.errors import MailboxFull, MailError, Temporary
from postroom.quota import NO_QUOTA, Quota
from postroom.store import blocks, mailboxes, seen, textindex, usage
from postroom.store.spans import Span
from postroom.store.usage import Usage

MAX_UID: Final = 0xFFFFFFFF

_FILED: Final = (
    "SELECT e.mailbox_id, b.uidvalidity, e.uid, e.modseq FROM message m"
    " CROSS JOIN mailbox b CROSS JOIN entry e"  # no index has it: those of one account at most
    " WHERE m.account_id = :account AND m.id = :message AND m.blob_id = :blob"
    " AND b.account_id = m.account_id AND e.mailbox_id = b.id AND e.message_id = m.id"
    " ORDER BY e.saved, e.mailbox_id, e.uid"
)
_FILED_AND_EXPUNGED: Final = (
    "SELECT x.mailbox_id, coalesce(b.uidvalidity, 0), x.uid, coalesce(b.highestmodseq, 0)"
    " FROM message m JOIN expunged x ON x.account_id = m.account_id AND x.message_id = m.id"
    " LEFT JOIN mailbox b ON b.id = x.mailbox_id"
    " WHERE m.account_id = :account AND m.id = :message AND m.blob_id = :blob ORDER BY x.id"
)

_MESSAGE: Final = (
    "INSERT INTO message (account_id, id, blob_id, prefix, received, size, envelope,"
    " bodystructure, thread_id, refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ENTRY: Final = (
    "INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, keywords,"
    " size, received, saved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class MailboxGone(Temporary):
    """The mailbox that was asked for by its id has been deleted."""

    text = "The mailbox has just been deleted"


class Copy(msgspec.Struct, frozen=True):
    """One copy to be filed.

    ``mailbox`` is an id, or a name: "INBOX" is made when it is missing, a letter for
    another name that is missing goes to the INBOX. ``prefix`` holds the recipient's own
    lines; ``size`` is that of prefix and blob. ``seen_by`` is
    a member who files it as seen into a shared mailbox, 0 for nobody. Of its ``quota`` the
    account must have ``room`` for so many octets more, or the letter is refused; and for as
    many messages as there are copies, or none for one that takes the place of another.

    With a ``special_use`` (RFC 6154) it goes to the mailbox that has it, whatever its name, and
    to the one that is called ``mailbox`` when none has. With ``fresh``, an id for each level of
    the name, a mailbox that is missing is made.
    """

    account_id: int
    mailbox: str | int
    message_id: int
    blob_id: int
    prefix: bytes
    received: int
    size: int
    envelope: bytes
    bodystructure: bytes
    thread_id: int
    flags: int = 0
    keywords: str = ""
    quota: Quota = NO_QUOTA
    recipient: str = ""
    seen_by: int = 0
    room: int = 1
    takes_place: bool = False
    name: str = ""
    special_use: str = ""
    fresh: tuple[int, ...] = ()

    @property
    def place(self) -> tuple[int, str | int, str]:
        """What is the same for all copies that go to one mailbox."""
        return self.account_id, self.mailbox, self.special_use or self.name


class Filed(msgspec.Struct, frozen=True):
    """Where a copy is now. ``warning``: the owner is to be told that 80 or 95 % are used.

    ``is_made``: the mailbox was made for it.
    """

    account_id: int
    mailbox_id: int
    uidvalidity: int
    uid: int
    modseq: int
    warning: int = 0
    is_made: bool = False


class _Share(msgspec.Struct):
    """What a batch asks of one account or one mailbox, and what it got."""

    octets: int = 0
    messages: int = 0
    quota: Quota = NO_QUOTA
    before: Usage = Usage(0, 0)
    warned: int = 0
    searched: int = 0
    warning: int = 0


class _Place(msgspec.Struct):
    """The UIDs that a batch got in one mailbox."""

    mailbox_id: int
    uidvalidity: int
    uid: int
    modseq: int
    name: str
    is_made: bool


def file_letters(
    tx: Tx, letters: Sequence[Sequence[Copy]], now: int
) -> list[list[Filed] | MailError]:
    """File each letter's copies, whole letters or nothing; one answer a letter."""
    accounts = _charge(tx, letters, now)
    refused: dict[int, MailError] = {}
    if any(account.quota for account in accounts.values()):
        refused = _refuse(tx, letters, accounts)
    accepted = [letter for number, letter in enumerate(letters) if number not in refused]
    places = _allocate(tx, accepted, now)
    messages: list[tuple[object, ...]] = []
    entries: list[tuple[object, ...]] = []
    readers: list[tuple[int, int, int, int]] = []
    filed: list[list[Filed] | MailError] = []
    late: list[tuple[int, int, int]] = []
    for letter in accepted:
        messages += _message_rows(letter)
        answer: list[Filed] = []
        for copy in letter:
            place = places[copy.place]
            uid = place.uid
            place.uid = uid + 1
            entries.append(
                (
                    copy.account_id, place.mailbox_id, uid, copy.message_id, place.modseq,
                    copy.flags, copy.keywords, copy.size, copy.received, now,
                )
            )  # fmt: skip
            if copy.seen_by:
                readers.append((place.mailbox_id, copy.seen_by, uid, place.modseq))
            if copy.message_id <= accounts[copy.account_id].searched:
                late.append((copy.account_id, copy.message_id, 0))
            answer.append(
                Filed(
                    copy.account_id, place.mailbox_id, place.uidvalidity, uid, place.modseq,
                    accounts[copy.account_id].warning, place.is_made,
                )
            )  # fmt: skip
        filed.append(answer)
    tx.many(_MESSAGE, messages)
    tx.many(_ENTRY, entries)
    for mailbox_id, member, uid, modseq in readers:
        seen.mark(tx, mailbox_id, member, Span(uid, uid), modseq, is_seen=True)
    textindex.write_notes(tx, late)
    for number in sorted(refused):
        filed.insert(number, refused[number])
    return filed


def already_filed(tx: Tx, letter: Sequence[Copy]) -> list[Filed] | None:
    """What an earlier commit of this very letter has filed; None when there was none.

    Of a copy that was expunged since, where it was; UIDVALIDITY 0 without that mailbox. Of
    several copies of one message each is told once.
    """
    found: list[Filed] = []
    rows: dict[tuple[int, int], list[Row]] = {}
    for copy in letter:
        key = copy.account_id, copy.message_id
        if key not in rows:
            ids = {"account": copy.account_id, "message": copy.message_id, "blob": copy.blob_id}
            rows[key] = tx.all(_FILED, **ids) + tx.all(_FILED_AND_EXPUNGED, **ids)
            if not rows[key]:
                return None
        if rows[key]:
            found.append(Filed(copy.account_id, *rows[key].pop(0)))
    return found


def _charge(tx: Tx, letters: Iterable[Sequence[Copy]], now: int) -> dict[int, _Share]:
    """Lock and charge every account of the batch, in the order of their ids."""
    shares: dict[int, _Share] = {}
    for letter in letters:
        for copy in letter:
            share = shares.get(copy.account_id)
            if share is None:
                share = shares[copy.account_id] = _Share()
            share.octets += copy.size
            share.messages += 1
            if copy.quota:
                share.quota = copy.quota
    for account_id in sorted(shares):
        share = shares[account_id]
        share.before, share.warned, share.searched = usage.charge(
            tx, account_id, share.octets, share.messages, now
        )
    return shares


def _refuse(
    tx: Tx, letters: Sequence[Sequence[Copy]], accounts: dict[int, _Share]
) -> dict[int, MailError]:
    """Which letters come to a full account; takes back what they were charged."""
    refused: dict[int, MailError] = {}
    used = {account_id: share.before for account_id, share in accounts.items()}
    back: dict[int, _Share] = {}
    for number, letter in enumerate(letters):
        full = _full(letter, used)
        if full:
            refused[number] = MailboxFull(detail=f"account {full}")
            for copy in letter:
                share = back.setdefault(copy.account_id, _Share())
                share.octets += copy.size
                share.messages += 1
            continue
        for copy in letter:
            before = used[copy.account_id]
            used[copy.account_id] = Usage(before.octets + copy.size, before.messages + 1)
    for account_id in sorted(back):
        usage.charge(tx, account_id, -back[account_id].octets, -back[account_id].messages, 0)
    for account_id, share in accounts.items():
        if not share.quota:  # asks none: a notice of ours
            continue
        known, share.warning = usage.warning_due(
            share.before, used[account_id], share.quota, share.warned
        )
        if known != share.warned:
            usage.note_warning(tx, account_id, known)
    return refused


def _full(letter: Sequence[Copy], used: Mapping[int, Usage]) -> int:
    """The account that has no room for the copies of a letter, 0 when all have."""
    coming = Counter(copy.account_id for copy in letter if not copy.takes_place)
    for copy in letter:
        account_id = copy.account_id
        now = used[account_id]
        then = Usage(now.octets + copy.room, now.messages + coming[account_id])
        if usage.is_above(copy.quota, then):
            return account_id
    return 0


def _allocate(
    tx: Tx, letters: Sequence[Sequence[Copy]], now: int
) -> dict[tuple[int, str | int, str], _Place]:
    """One UPDATE a mailbox: the first UID and the MODSEQ of this batch."""
    ids: dict[tuple[int, str | int, str], int] = {}
    shares: dict[tuple[int, int], _Share] = {}
    made: set[int] = set()
    named: list[tuple[int, int, str]] = []
    for letter in letters:
        for copy in letter:
            key = copy.place
            mailbox_id = ids.get(key)
            if mailbox_id is None:
                mailbox_id = ids[key] = _mailbox_id(tx, copy, made, now)
                if copy.name and isinstance(copy.mailbox, int):
                    named.append((mailbox_id, copy.account_id, copy.name))
            share = shares.get((mailbox_id, copy.account_id))
            if share is None:
                share = shares[mailbox_id, copy.account_id] = _Share()
            share.octets += copy.size
            share.messages += 1
    places = {key: _take(tx, key[0], key[1], shares[key], now) for key in sorted(shares)}
    if any(places[ident, account_id].name != name for ident, account_id, name in named):
        raise MailboxGone
    for mailbox_id, account_id in shares:
        places[mailbox_id, account_id].is_made = mailbox_id in made
    return {key: places[mailbox_id, key[0]] for key, mailbox_id in ids.items()}


def _mailbox_id(tx: Tx, copy: Copy, made: set[int], now: int) -> int:
    """The mailbox that a copy goes to; one that is made for it is added to ``made``."""
    if isinstance(copy.mailbox, int):
        return copy.mailbox
    if copy.mailbox == mailboxes.INBOX and not copy.special_use:
        return copy.account_id
    account_id, name = copy.account_id, copy.mailbox
    found = mailboxes.by_use(tx, account_id, copy.special_use) if copy.special_use else None
    found = found or mailboxes.find(tx, account_id, name)
    if found is None and copy.fresh:
        use = copy.special_use or None
        found = mailboxes.create(tx, account_id, name, use, copy.fresh, now)
        mailboxes.subscribe(tx, account_id, name)
        made.add(found.id)
    return found.id if found else account_id


def _take(tx: Tx, mailbox_id: int, account_id: int, share: _Share, now: int) -> _Place:
    for _ in range(2):
        row = tx.one(
            "UPDATE mailbox SET uidnext = uidnext + :messages, highestmodseq = highestmodseq + 1,"
            " messages = messages + :messages, octets = octets + :octets"
            " WHERE id = :mailbox AND account_id = :account AND name >= ' '"
            " AND uidnext + :messages <= :end"
            " RETURNING uidvalidity, uidnext, highestmodseq, name",
            messages=share.messages,
            octets=share.octets,
            mailbox=mailbox_id,
            account=account_id,
            end=MAX_UID,
        )
        if row:
            blocks.arrived(tx, mailbox_id, row[1] - share.messages, share.messages, row[2])
            first = row[1] - share.messages
            return _Place(mailbox_id, row[0], first, row[2], row[3], is_made=False)
        if mailboxes.exists(tx, account_id, mailbox_id):
            raise MailboxFull("The mailbox has no UID left; move its messages to a new one")
        if mailbox_id != account_id:
            raise MailboxGone
        mailboxes.make_inbox(tx, account_id, now)
    raise AssertionError("the INBOX is there now")


def _message_rows(letter: Sequence[Copy]) -> list[tuple[object, ...]]:
    """One message row an account: copies in several of its mailboxes share it."""
    rows: dict[tuple[int, int], list[Copy]] = {}
    for copy in letter:
        rows.setdefault((copy.account_id, copy.message_id), []).append(copy)
    return [
        (
            copies[0].account_id, copies[0].message_id, copies[0].blob_id, copies[0].prefix,
            copies[0].received, copies[0].size, copies[0].envelope, copies[0].bodystructure,
            copies[0].thread_id, len(copies),
        )
        for copies in rows.values()
    ]  # fmt: skip
