"""What an account's mail weighs: the quota's counter, and the account's lock.

Each entry counts: a message copied into two mailboxes weighs twice, so the usage is the
sum of what STATUS SIZE says of the mailboxes. The row is made on first use. Whoever
changes several mailboxes changes this row first (in the order of the account ids), so
that two transactions on PostgreSQL never wait for each other in a circle.

RFC 9208 (IMAP QUOTA), RFC 8438 (STATUS=SIZE).
"""

from typing import Final, NamedTuple

import msgspec

from postroom.db.database import Tx
from postroom.errors import MailboxFull
from postroom.quota import Quota

LEVELS: Final = (95, 80)  # percent of a limit at which its owner is told
RELIEF: Final = 5  # percentage points below a level before that warning may come again


class Usage(msgspec.Struct, frozen=True):
    """What the mail of an account weighs."""

    octets: int
    messages: int


class Charged(NamedTuple):
    """What the account's row said when it was charged: usage before, warning last sent.

    ``searched``: see ``store.textindex``.
    """

    before: Usage
    warned: int
    searched: int


def usage_of(tx: Tx, account_id: int) -> Usage:
    """What the account's mail weighs; nothing for an account never used."""
    row = tx.one(
        "SELECT octets, messages FROM usage WHERE account_id = :account", account=account_id
    )
    return Usage(row[0], row[1]) if row else Usage(0, 0)


def charge(tx: Tx, account_id: int, octets: int, messages: int, now: int) -> Charged:
    """Add to the usage, which locks the account."""
    for _ in range(2):
        row = tx.one(
            "UPDATE usage SET octets = octets + :octets, messages = messages + :messages"
            " WHERE account_id = :account RETURNING octets, messages, warned, searched",
            octets=octets,
            messages=messages,
            account=account_id,
        )
        if row:
            return Charged(Usage(row[0] - octets, row[1] - messages), row[2], row[3])
        open_account(tx, account_id, now)
    raise AssertionError("the usage row is there now")


def lock(tx: Tx, account_id: int, now: int) -> Usage:
    """Lock the account; what its mail weighs."""
    return charge(tx, account_id, 0, 0, now).before


def open_account(tx: Tx, account_id: int, now: int) -> None:
    """Make the account's row. Its UIDVALIDITY counter starts with the clock (seconds)."""
    tx.execute(
        "INSERT INTO usage (account_id, octets, messages, uidvalidity, warned, furnished)"
        " VALUES (:account, 0, 0, :seed, 0, 0) ON CONFLICT (account_id) DO NOTHING",
        account=account_id,
        seed=now // 1000,
    )


def next_uidvalidity(tx: Tx, account_id: int, now: int) -> int:
    """A UIDVALIDITY never given out before (RFC 3501 §2.3.1.1); the account is locked.

    It rises by one at least and follows the clock, so that a database restored from a
    backup does not give out again what it gave out since.
    """
    open_account(tx, account_id, now)
    row = tx.one(
        "UPDATE usage SET uidvalidity ="
        " CASE WHEN uidvalidity < :seconds THEN :seconds ELSE uidvalidity + 1 END"
        " WHERE account_id = :account RETURNING uidvalidity",
        seconds=now // 1000,
        account=account_id,
    )
    if row is None or row[0] > 0xFFFFFFFF:
        raise AssertionError("UIDVALIDITY has 32 bits")
    return int(row[0])


def note_change(tx: Tx, account_id: int) -> None:
    """Count a change to what is the account's own but in no mailbox (``store.watch``)."""
    tx.execute(
        "UPDATE usage SET changes = changes + 1 WHERE account_id = :account", account=account_id
    )


def note_warning(tx: Tx, account_id: int, warned: int) -> None:
    """Remember which warning was sent last."""
    tx.execute(
        "UPDATE usage SET warned = :warned WHERE account_id = :account",
        warned=warned,
        account=account_id,
    )


def is_above(quota: Quota, used: Usage) -> bool:
    """True when the mail is more than the quota allows."""
    return 0 < quota.octets < used.octets or 0 < quota.messages < used.messages


def refuse_above(quota: Quota, used: Usage, octets: int, messages: int) -> None:
    """Raise MailboxFull when so much more would be above the quota."""
    if 0 < quota.octets < used.octets + octets:
        raise MailboxFull(f"This needs {octets} octets; {used.octets} of {quota.octets} are used")
    if 0 < quota.messages < used.messages + messages:
        raise MailboxFull(
            f"This is {messages} more; there are {used.messages} messages of {quota.messages}"
        )


def warning_due(before: Usage, after: Usage, quota: Quota, warned: int = 0) -> tuple[int, int]:
    """Which warning is due when the usage goes from ``before`` to ``after``.

    ``warned`` is the level last told. Answers (the level to remember, the level to tell
    now or 0). A level is told once; it may be told again after the usage has been
    ``RELIEF`` points below it. Of two limits the one that is nearer counts.
    """
    if not quota:
        return 0, 0
    known = warned
    if known >= 95 and not _reaches(before, quota, 95 - RELIEF):
        known = 80
    if known >= 80 and not _reaches(before, quota, 80 - RELIEF):
        known = 0
    reached = next((level for level in LEVELS if _reaches(after, quota, level)), 0)
    return (reached, reached) if reached > known else (known, 0)


def _reaches(used: Usage, quota: Quota, percent: int) -> bool:
    return (quota.octets > 0 and used.octets * 100 >= quota.octets * percent) or (
        quota.messages > 0 and used.messages * 100 >= quota.messages * percent
    )
