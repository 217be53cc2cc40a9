"""Annotations: small values with a name at a mailbox or at the server.

A shared one is seen by everybody who may know the mailbox, a private one by one person. They
follow the mailbox when it is renamed and go with it; they are outside the quota, so there is
a limit of entries (at each mailbox, shared and for each person) and of the room that an
account can fill. A change takes a MODSEQ of the mailbox; what was removed stays as a row
without a value, as long as there are few of those, for who watches.

Names are those of ``protocol.imap.metadata`` in lower case. RFC 5464.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.errors import Refused
from postroom.store import mailboxes, usage

MAX_VALUE: Final = 64 * 1024  # octets
MAX_ENTRIES: Final = 100  # of one mailbox: shared ones, or of one person
MAX_ROOM: Final = 4 * 1024 * 1024  # octets of all that an account keeps ..
OVERHEAD: Final = 256  # .. where each entry counts so much more
SERVER: Final = 0  # in place of a mailbox's id

_CHUNK: Final = 100  # mailboxes of one statement
_REMOVED: Final = 100  # removed entries of a mailbox and person that are remembered


class TooMany(Refused):
    """There are as many annotations as there may be."""


class TooLong(Refused):
    """The value is longer than ``MAX_VALUE``."""


class NoRoom(Refused):
    """The account has filled its room."""


class Known(msgspec.Struct, frozen=True):
    """An annotation without its value, of ``size`` octets."""

    name: str
    written: str
    size: int


class Change(msgspec.Struct, frozen=True):
    """A value to be set, None to be removed; ``written`` is the name as its writer wrote it."""

    written: str
    value: bytes | None
    is_private: bool

    @property
    def name(self) -> str:
        """The name in lower case."""
        return self.written.lower()


def known(tx: Tx, mailbox_id: int, person: int) -> list[Known]:
    """What there is for a person at a mailbox, by name."""
    rows = tx.all(
        "SELECT name, written, length(value) FROM annotation WHERE mailbox_id = :mailbox"
        " AND member_id IN (0, :person) AND value IS NOT NULL ORDER BY name",
        mailbox=mailbox_id,
        person=person,
    )
    return [Known(*row) for row in rows]


def value(tx: Tx, mailbox_id: int, person: int, name: str) -> bytes | None:
    """One value, None where there is none: what Sieve asks for (RFC 5490)."""
    row = tx.one(
        "SELECT value FROM annotation WHERE mailbox_id = :mailbox"
        " AND member_id IN (0, :person) AND name = :name",
        mailbox=mailbox_id,
        person=person,
        name=name.lower(),
    )
    return row[0] if row else None


def values(
    tx: Tx, mailbox_ids: Sequence[int], person: int, names: Sequence[str]
) -> dict[tuple[int, str], bytes]:
    """Values of these names (some hundred at most) at mailboxes, by mailbox and name."""
    if not names:
        return {}
    asked = {f"n{at}": name for at, name in enumerate(names)}
    found: dict[tuple[int, str], bytes] = {}
    for start in range(0, len(mailbox_ids), _CHUNK):
        numbers = ", ".join(f"{ident:d}" for ident in mailbox_ids[start : start + _CHUNK])
        rows = tx.all(
            f"SELECT mailbox_id, name, value FROM annotation WHERE mailbox_id IN ({numbers})"
            f" AND member_id IN (0, :person) AND name IN ({', '.join(f':{key}' for key in asked)})"
            " AND value IS NOT NULL",
            person=person,
            **asked,
        )
        found.update(((row[0], row[1]), row[2]) for row in rows)
    return found


def put(tx: Tx, account_id: int, mailbox_id: int, person: int, changes: Sequence[Change]) -> int:
    """Set and remove annotations of a mailbox, all or none; the MODSEQ of the change.

    ``account_id`` is the mailbox's owner. Raises NotFound, TooLong, TooMany, NoRoom.
    """
    modseq = mailboxes.touch(tx, mailbox_id)
    _write(tx, mailbox_id, person, account_id, changes, modseq)
    return modseq


def put_at_server(tx: Tx, person: int, changes: Sequence[Change], mark: int, now: int) -> None:
    """The same for the server. ``mark`` is a number never used before."""
    if any(change.is_private for change in changes):
        usage.lock(tx, person, now)
        usage.note_change(tx, person)
    _write(tx, SERVER, person, 0, changes, mark)


def note(tx: Tx, mailbox_id: int, person: int, name: str, modseq: int) -> None:
    """Let who watches know that the value of an entry has changed that is kept elsewhere."""
    _insert(tx, mailbox_id, person, person, [Change(name, None, is_private=True)], modseq)


def changed(tx: Tx, mailbox_id: int, person: int, since: int, upto: int) -> list[tuple[str, int]]:
    """Names (as written) and MODSEQs of what has changed after ``since``, up to ``upto``."""
    rows = tx.all(
        "SELECT written, modseq FROM annotation WHERE mailbox_id = :mailbox"
        " AND modseq > :since AND modseq <= :upto AND member_id IN (0, :person) ORDER BY name",
        mailbox=mailbox_id,
        person=person,
        since=since,
        upto=upto,
    )
    return [(row[0], row[1]) for row in rows]


def marks(tx: Tx, person: int) -> dict[str, int]:
    """The mark of each annotation of the server, by its name as written, removed ones too."""
    rows = tx.all(
        "SELECT written, modseq FROM annotation"
        " WHERE mailbox_id = 0 AND member_id IN (0, :person) ORDER BY name",
        person=person,
    )
    return {row[0]: row[1] for row in rows}


def copy(tx: Tx, source_id: int, target_id: int) -> None:
    """Give a new mailbox the annotations of another one (RFC 5464 §4.1: INBOX is renamed)."""
    tx.execute(
        "INSERT INTO annotation (mailbox_id, member_id, name, written, value, modseq, account_id)"
        " SELECT :target, member_id, name, written, value, 1, account_id FROM annotation"
        " WHERE mailbox_id = :source AND value IS NOT NULL",
        source=source_id,
        target=target_id,
    )


def _write(
    tx: Tx, mailbox_id: int, person: int, owner: int, changes: Sequence[Change], modseq: int
) -> None:
    if any(len(change.value or b"") > MAX_VALUE for change in changes):
        raise TooLong(f"an annotation has at most {MAX_VALUE} octets; make it shorter")
    for is_private, member, account in ((False, 0, owner), (True, person, person)):
        some = [change for change in changes if change.is_private is is_private]
        if not some:
            continue
        _insert(tx, mailbox_id, member, account, some, modseq)
        if any(change.value is not None for change in some):
            _check_room(tx, mailbox_id, member, account)
        _forget_removed(tx, mailbox_id, member)


def _insert(
    tx: Tx, mailbox_id: int, member: int, account: int, changes: Iterable[Change], modseq: int
) -> None:
    tx.many(
        "INSERT INTO annotation (mailbox_id, member_id, name, written, value, modseq, account_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (mailbox_id, member_id, name) DO UPDATE"
        " SET written = excluded.written, value = excluded.value, modseq = excluded.modseq",
        [
            (mailbox_id, member, one.name, one.written, one.value, modseq, account)
            for one in changes
        ],
    )


def _check_room(tx: Tx, mailbox_id: int, member: int, account: int) -> None:
    row = tx.one(
        "SELECT count(*) FROM annotation"
        " WHERE mailbox_id = :mailbox AND member_id = :member AND value IS NOT NULL",
        mailbox=mailbox_id,
        member=member,
    )
    if row and row[0] > MAX_ENTRIES:
        raise TooMany(f"there are {MAX_ENTRIES} annotations here already; remove some first")
    row = tx.one(
        "SELECT count(*), coalesce(sum(length(value)), 0) FROM annotation"
        " WHERE account_id = :account AND value IS NOT NULL",
        account=account,
    )
    if row and row[0] * OVERHEAD + row[1] > MAX_ROOM:
        raise NoRoom(f"your annotations have more than {MAX_ROOM} octets; remove some first")


def _forget_removed(tx: Tx, mailbox_id: int, member: int) -> None:
    rows = tx.all(
        "SELECT modseq FROM annotation WHERE mailbox_id = :mailbox AND member_id = :member"
        " AND value IS NULL ORDER BY modseq DESC LIMIT 1 OFFSET :most",
        mailbox=mailbox_id,
        member=member,
        most=_REMOVED,
    )
    if rows:
        tx.execute(
            "DELETE FROM annotation WHERE mailbox_id = :mailbox AND member_id = :member"
            " AND value IS NULL AND modseq <= :last",
            mailbox=mailbox_id,
            member=member,
            last=rows[0][0],
        )
