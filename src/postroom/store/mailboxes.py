"""Mailboxes of an account: made, found, renamed, listed, deleted; subscriptions.

The INBOX has the id of its account, so it is found without a look-up; it is made by the
first letter or the first log-in. The other mailboxes of a new account (Drafts, Sent, Junk,
Trash, Archive) are made once, by ``furnish``; one that its owner deletes stays deleted.

Deleting is two steps: ``bury`` gives the mailbox a name that nobody sees, which frees its
own name at once; then its entries go in chunks (``store.removal``) and at last the row.
``buried`` finds what a crash in between has left. The unseen name ends with the former one,
for copies that can be had back; without one nothing of the mailbox is kept.

Names given to these functions are canonical (``store.names``). RFC 3501 §6.3, RFC 6154.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.errors import AlreadyExists, Invalid, NotFound
from postroom.store import names, seen, usage

INBOX: Final = names.INBOX
SPECIAL_USES: Final = {
    "Drafts": "\\Drafts",
    "Sent": "\\Sent",
    "Junk": "\\Junk",
    "Trash": "\\Trash",
    "Archive": "\\Archive",
}
_BURIED: Final = "\x1f"
_CHUNK: Final = 100  # ids a query
_COUNTED: Final = 500  # mailboxes that one statement counts in

_COLUMNS: Final = (
    "account_id, id, name, special_use, uidvalidity, uidnext, highestmodseq, messages,"
    " octets, recent_uid"
)


class Mailbox(msgspec.Struct, frozen=True):
    r"""A mailbox's row. ``recent_uid``: the highest UID that a session has seen as \Recent."""

    account_id: int
    id: int
    name: str
    special_use: str | None
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    messages: int
    octets: int
    recent_uid: int

    @property
    def special_uses(self) -> list[str]:
        """The special uses, which are written one after the other."""
        return self.special_use.split() if self.special_use else []


class Counts(msgspec.Struct, frozen=True):
    """What STATUS tells of a mailbox (RFC 3501 §6.3.10, RFC 8438, RFC 9051 §6.3.11)."""

    mailbox_id: int
    messages: int
    recent: int
    uidnext: int
    uidvalidity: int
    unseen: int
    highestmodseq: int
    deleted: int
    size: int
    deleted_size: int


def find(tx: Tx, account_id: int, name: str) -> Mailbox | None:
    """The mailbox of that name."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM mailbox WHERE account_id = :account AND name = :name",
        account=account_id,
        name=name,
    )
    return Mailbox(*row) if row and not name.startswith(_BURIED) else None


def by_use(tx: Tx, account_id: int, special_use: str) -> Mailbox | None:
    """The mailbox with a special use; the first by name when there are several."""
    found = with_uses(tx, account_id)
    return next((one for one in found if special_use in one.special_uses), None)


def with_uses(tx: Tx, account_id: int) -> list[Mailbox]:
    """The mailboxes that have special uses, by name."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM mailbox WHERE account_id = :account AND name >= :first"
        " AND special_use IS NOT NULL ORDER BY name",
        account=account_id,
        first=" ",
    )
    return [Mailbox(*row) for row in rows]


def set_uses(tx: Tx, mailbox_id: int, uses: Sequence[str]) -> int:
    """Let a mailbox have these special uses; the MODSEQ of that. See ``store.uses``."""
    tx.execute(
        "UPDATE mailbox SET special_use = :uses WHERE id = :mailbox",
        uses=" ".join(uses) or None,
        mailbox=mailbox_id,
    )
    return touch(tx, mailbox_id)


def touch(tx: Tx, mailbox_id: int) -> int:
    """Take a MODSEQ for a change that is none of a message, which locks the mailbox.

    Raises NotFound.
    """
    row = tx.one(
        "UPDATE mailbox SET highestmodseq = highestmodseq + 1"
        " WHERE id = :mailbox AND name >= ' ' RETURNING highestmodseq",
        mailbox=mailbox_id,
    )
    if row is None:
        raise NotFound("the mailbox is gone")
    return int(row[0])


def by_detail(tx: Tx, account_id: int, detail: str) -> Mailbox | None:
    """The mailbox that the detail of an address names (RFC 5233), in any case.

    A dot stands for a level where no name has one. INBOX and mailboxes with a special use are none.
    """
    wanted = names.canonical(detail).casefold()
    found = {
        one.name.casefold(): one
        for one in listing(tx, account_id)
        if one.special_use is None and one.name != INBOX
    }
    return found.get(wanted) or found.get(wanted.replace(".", names.SEPARATOR))


def get(tx: Tx, account_id: int, name: str) -> Mailbox:
    """The mailbox of that name; raises NotFound."""
    found = find(tx, account_id, name)
    if found is None:
        raise NotFound(f"there is no mailbox {name!r}")
    return found


def exists(tx: Tx, account_id: int, mailbox_id: int) -> bool:
    """True for a mailbox that is not being deleted."""
    return (
        tx.one(
            "SELECT 1 FROM mailbox WHERE id = :mailbox AND account_id = :account AND name >= ' '",
            mailbox=mailbox_id,
            account=account_id,
        )
        is not None
    )


def listing(tx: Tx, account_id: int) -> list[Mailbox]:
    """Every mailbox, by name."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM mailbox WHERE account_id = :account AND name >= :first"
        " ORDER BY name",
        account=account_id,
        first=" ",
    )
    return [Mailbox(*row) for row in rows]


def among(tx: Tx, account_ids: Sequence[int], mailbox_ids: Sequence[int]) -> list[Mailbox]:
    """Every mailbox of these accounts, and these mailboxes; some may come twice."""
    return [
        Mailbox(*row)
        for column, ids in (("account_id", account_ids), ("id", mailbox_ids))
        for start in range(0, len(ids), _CHUNK)
        for row in tx.all(
            f"SELECT {_COLUMNS} FROM mailbox WHERE {column} IN"
            f" ({', '.join(f'{ident:d}' for ident in ids[start : start + _CHUNK])})"
            " AND name >= :first",
            first=" ",
        )
    ]


def below(tx: Tx, account_id: int, name: str) -> list[int]:
    """The mailboxes below a name."""
    return [
        row[0]
        for row in tx.all(
            "SELECT id FROM mailbox WHERE account_id = :account"
            " AND name >= :below AND name < :end ORDER BY id",
            account=account_id,
            below=name + names.SEPARATOR,
            end=name + chr(ord(names.SEPARATOR) + 1),
        )
    ]


def counts(tx: Tx, account_id: int, name: str, member: int | None = None) -> Counts:
    """What STATUS tells, by indexes only; raises NotFound."""
    mailbox = get(tx, account_id, name)
    row = tx.one(
        "SELECT (SELECT count(*) FROM entry WHERE mailbox_id = :mailbox AND uid > :recent),"
        " (SELECT count(*) FROM entry WHERE mailbox_id = :mailbox AND (flags & 1) = 0),"
        " (SELECT count(*) FROM entry WHERE mailbox_id = :mailbox AND (flags & 8) <> 0),"
        " (SELECT coalesce(sum(size), 0) FROM entry"
        " WHERE mailbox_id = :mailbox AND (flags & 8) <> 0)",
        mailbox=mailbox.id,
        recent=mailbox.recent_uid,
    )
    recent, unseen, deleted, deleted_size = row or (0, 0, 0, 0)
    if member is not None:
        unseen = mailbox.messages - seen.count(tx, mailbox.id, member)
    return Counts(
        mailbox_id=mailbox.id,
        messages=mailbox.messages,
        recent=recent,
        uidnext=mailbox.uidnext,
        uidvalidity=mailbox.uidvalidity,
        unseen=unseen,
        highestmodseq=mailbox.highestmodseq,
        deleted=deleted,
        size=mailbox.octets,
        deleted_size=deleted_size,
    )


def counts_among(tx: Tx, mailbox_ids: Sequence[int], member: int | None = None) -> list[Counts]:
    """What STATUS tells of many mailboxes, one statement for hundreds of them."""
    unseen = "(SELECT count(*) FROM entry e WHERE e.mailbox_id = b.id AND (e.flags & 1) = 0)"
    if member is not None:
        unseen = (
            "b.messages - (SELECT count(*) FROM seen s WHERE s.mailbox_id = b.id"
            f" AND s.member_id = {member:d} AND s.seen = 1)"
        )
    return [
        Counts(*row)
        for start in range(0, len(mailbox_ids), _COUNTED)
        for row in tx.all(
            "SELECT b.id, b.messages,"
            " (SELECT count(*) FROM entry e WHERE e.mailbox_id = b.id AND e.uid > b.recent_uid),"
            f" b.uidnext, b.uidvalidity, {unseen}, b.highestmodseq,"
            " (SELECT count(*) FROM entry e WHERE e.mailbox_id = b.id AND (e.flags & 8) <> 0),"
            " b.octets, (SELECT coalesce(sum(e.size), 0) FROM entry e WHERE e.mailbox_id = b.id"
            " AND (e.flags & 8) <> 0) FROM mailbox b WHERE b.name >= :first AND b.id IN"
            f" ({', '.join(f'{ident:d}' for ident in mailbox_ids[start : start + _COUNTED])})",
            first=" ",
        )
    ]


def is_furnished(tx: Tx, account_id: int) -> bool:
    """True once the mailboxes of a new account were made."""
    row = tx.one("SELECT furnished FROM usage WHERE account_id = :account", account=account_id)
    return bool(row and row[0])


def furnish(tx: Tx, account_id: int, ids: Sequence[int], now: int) -> None:
    """Make INBOX and the special-use mailboxes, once, and subscribe to them."""
    usage.lock(tx, account_id, now)
    if is_furnished(tx, account_id):
        return
    if not exists(tx, account_id, account_id):
        make_inbox(tx, account_id, now)
    for mailbox_id, (name, special_use) in zip(ids, SPECIAL_USES.items(), strict=False):
        if find(tx, account_id, name) is None:
            _insert(tx, account_id, mailbox_id, name, special_use, now)
    for name in (INBOX, *SPECIAL_USES):
        subscribe(tx, account_id, name)
    tx.execute("UPDATE usage SET furnished = 1 WHERE account_id = :account", account=account_id)


def make_inbox(tx: Tx, account_id: int, now: int) -> None:
    """Make the INBOX; its id is that of the account, which is locked."""
    _insert(tx, account_id, account_id, INBOX, None, now)


def create(
    tx: Tx, account_id: int, name: str, special_use: str | None, ids: Sequence[int], now: int
) -> Mailbox:
    """Make a mailbox and the superiors that it lacks (RFC 3501 §6.3.3); an id for each.

    Raises AlreadyExists; Invalid for an unknown special use.
    """
    if special_use is not None and special_use not in SPECIAL_USES.values():
        raise Invalid(f"there is no special use {special_use!r}")
    usage.lock(tx, account_id, now)
    if find(tx, account_id, name):
        raise AlreadyExists(f"there is a mailbox {name!r} already")
    fresh = iter(ids)
    for superior in names.superiors(name):
        if find(tx, account_id, superior) is None:
            if superior == INBOX:
                make_inbox(tx, account_id, now)
            else:
                _insert(tx, account_id, next(fresh), superior, None, now)
    _insert(tx, account_id, next(fresh), name, special_use, now)
    usage.note_change(tx, account_id)
    return get(tx, account_id, name)


def rename(tx: Tx, account_id: int, old: str, new: str, now: int) -> list[int]:
    """Give a mailbox and those below it another name; their ids.

    Raises NotFound, AlreadyExists, Invalid. Not for INBOX itself: its messages move
    (RFC 3501 §6.3.5), which is for the caller.
    """
    usage.lock(tx, account_id, now)
    below, end = old + names.SEPARATOR, old + chr(ord(names.SEPARATOR) + 1)
    rows = tx.all(
        "SELECT id, name FROM mailbox WHERE account_id = :account"
        " AND (name = :old OR (name >= :below AND name < :end)) ORDER BY id",
        account=account_id,
        old=old,
        below=below,
        end=end,
    )
    if not rows:
        raise NotFound(f"there is no mailbox {old!r}")
    if new.startswith(below):
        raise Invalid("a mailbox can't be moved below itself")
    for mailbox_id, name in rows:
        target = names.checked(new + name[len(old) :])
        if find(tx, account_id, target):
            raise AlreadyExists(f"there is a mailbox {target!r} already")
        tx.execute(
            "UPDATE mailbox SET name = :name WHERE id = :mailbox", name=target, mailbox=mailbox_id
        )
    usage.note_change(tx, account_id)
    return [row[0] for row in rows]


def bury(tx: Tx, account_id: int, name: str, now: int) -> int:
    """Take a mailbox out of sight and free its name; its id. Raises NotFound, Invalid."""
    if name == INBOX:
        raise Invalid("the INBOX can't be deleted")
    usage.lock(tx, account_id, now)
    mailbox = get(tx, account_id, name)
    _bury(tx, mailbox.id, mailbox.name)
    usage.note_change(tx, account_id)
    return mailbox.id


def bury_all(tx: Tx, account_id: int, now: int) -> list[int]:
    """Take every mailbox of an account out of sight, INBOX too, for good; their ids."""
    usage.lock(tx, account_id, now)
    found = listing(tx, account_id)
    for mailbox in found:
        _bury(tx, mailbox.id, "")
    return [mailbox.id for mailbox in found]


def forget_account(tx: Tx, account_id: int) -> None:
    """Remove what is left of an account without mailboxes."""
    tx.execute("DELETE FROM subscription WHERE account_id = :account", account=account_id)
    tx.execute("DELETE FROM annotation WHERE account_id = :account", account=account_id)
    tx.execute("DELETE FROM url_key WHERE account_id = :account", account=account_id)
    seen.forget_member(tx, account_id)
    tx.execute("DELETE FROM usage WHERE account_id = :account", account=account_id)


def is_buried(name: str) -> bool:
    """True for the name of a mailbox that is being deleted."""
    return name.startswith(_BURIED)


def name_of(tx: Tx, mailbox_id: int) -> str:
    """The name of a mailbox, of one that is being deleted the former; "" without one."""
    row = tx.one("SELECT name FROM mailbox WHERE id = :mailbox", mailbox=mailbox_id)
    name: str = row[0] if row else ""
    return name[1:].partition(_BURIED)[2] if is_buried(name) else name


def buried(tx: Tx) -> list[tuple[int, int]]:
    """(account, mailbox) of every mailbox whose deletion is not finished.

    Reads every mailbox's row: for the start and the sweep, not for a command.
    """
    rows = tx.all(
        "SELECT account_id, id FROM mailbox WHERE name >= :first AND name < :end ORDER BY id",
        first=_BURIED,
        end=chr(ord(_BURIED) + 1),
    )
    return [(row[0], row[1]) for row in rows]


def subscribe(tx: Tx, account_id: int, name: str) -> None:
    """Subscribe to a name; it need not exist (RFC 3501 §6.3.6)."""
    usage.note_change(tx, account_id)
    tx.execute(
        "INSERT INTO subscription (account_id, name) VALUES (:account, :name)"
        " ON CONFLICT (account_id, name) DO NOTHING",
        account=account_id,
        name=name,
    )


def unsubscribe(tx: Tx, account_id: int, name: str) -> None:
    """Take a name off the subscriptions; raises NotFound."""
    changed = tx.execute(
        "DELETE FROM subscription WHERE account_id = :account AND name = :name",
        account=account_id,
        name=name,
    )
    if not changed:
        raise NotFound(f"{name!r} is not subscribed")
    usage.note_change(tx, account_id)


def subscriptions(tx: Tx, account_id: int) -> list[str]:
    """Every subscribed name, sorted."""
    rows = tx.all(
        "SELECT name FROM subscription WHERE account_id = :account ORDER BY name",
        account=account_id,
    )
    return [row[0] for row in rows]


def _bury(tx: Tx, mailbox_id: int, former: str) -> None:
    tx.execute("DELETE FROM annotation WHERE mailbox_id = :mailbox", mailbox=mailbox_id)
    tx.execute("DELETE FROM url_key WHERE mailbox_id = :mailbox", mailbox=mailbox_id)
    tx.execute(
        "UPDATE mailbox SET name = :name, special_use = NULL, highestmodseq = highestmodseq + 1"
        " WHERE id = :mailbox",
        name=f"{_BURIED}{mailbox_id}" + (_BURIED + former if former else ""),
        mailbox=mailbox_id,
    )


def _insert(
    tx: Tx, account_id: int, mailbox_id: int, name: str, special_use: str | None, now: int
) -> None:
    tx.execute(
        "INSERT INTO mailbox (account_id, id, name, special_use, uidvalidity, uidnext,"
        " highestmodseq, messages, octets, recent_uid, created)"
        " VALUES (:account, :mailbox, :name, :special_use, :uidvalidity, 1, 1, 0, 0, 0, :now)",
        account=account_id,
        mailbox=mailbox_id,
        name=name,
        special_use=special_use,
        uidvalidity=usage.next_uidvalidity(tx, account_id, now),
        now=now,
    )
