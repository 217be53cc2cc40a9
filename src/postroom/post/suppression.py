"""How addresses come onto the suppression list of an account by themselves.

Only mail of the account that heeds the list fills it (``Using.covers``), so a person who writes
by hand is never kept from an address by what a program has sent. Everything is one transaction
with the fact that it comes of.

``mark`` is the value of a field that such messages carry, by which they are known when a report
returns them: it holds the id of the message and an HMAC of it (128 bits), which nobody knows who
has not got the message. RFC 9477 §3.2 (CFBL-Feedback-ID).
"""

import base64
import hmac
from datetime import UTC, datetime
from typing import Final

import msgspec

from postroom.config.suppression import Suppression
from postroom.db.database import Tx
from postroom.db.ids import from_text, to_text
from postroom.directory import accounts, suppressions, version
from postroom.directory.suppressions import MOST, Kind, Suppressed
from postroom.ledger import occurrences, rows as ledger
from postroom.ledger.occurrences import Occurrence
from postroom.ledger.rows import Fact, clean, folded
from postroom.telemetry.events import RecipientSuppressed

FIELD: Final = "CFBL-Feedback-ID"
DAY_MS: Final = 86_400_000


class Cause(msgspec.Struct, frozen=True):
    """Why: a message of an account, whom it was for, and what was said of that.

    ``number`` is an id of its own, the same whenever it is tried again.
    """

    number: int
    ledger_id: int
    account_id: int
    recipient: str
    kind: Kind
    reason: str
    at: int


def fill(tx: Tx, settings: Suppression, cause: Cause) -> RecipientSuppressed | None:
    """Put the recipient on the list, and tell of it; None when it does not come there."""
    days = settings.complaint_days if cause.kind == "complaint" else settings.bounce_days
    using = suppressions.using(tx, cause.account_id)
    entry = ledger.entry(tx, cause.ledger_id)
    account = accounts.by_id(tx, cause.account_id)
    if entry is None or account is None or not using.covers(entry.door, settings.scope):
        return None
    if not days or using.entries >= MOST:
        return None
    there = suppressions.find(tx, account.id, cause.recipient, cause.at)
    if there is not None and there.kind == "hand":  # it stays as it is
        return None
    until = cause.at + days * DAY_MS
    one = Suppressed(
        suppressions.key(cause.recipient),
        cause.kind,
        cause.at,
        until,
        cause.ledger_id,
        clean(cause.reason),
    )
    if suppressions.put(tx, account.id, [one]):
        version.bump(tx)
    told = RecipientSuppressed(
        account=str(account.address),
        recipient=one.address,
        kind=one.kind,
        until=moment(until),
        queue_id=to_text(cause.ledger_id),
        reason=one.reason,
    )
    said = f"on the suppression list of {told.account} until {told.until[:10]}"
    fact = Fact(
        cause.ledger_id, cause.number, cause.at, "noted", folded(one.address), detail=clean(said)
    )
    ledger.note(tx, [fact])
    occurrences.tell(tx, occurrence(told, cause.number, account.id, cause.at))
    return told


def occurrence(told: RecipientSuppressed, number: int, account_id: int, at: int) -> Occurrence:
    """For the hooks of the account and its domain."""
    content = msgspec.json.encode(told).decode()
    return Occurrence(0, number, at, "recipient.suppressed", account_id, told.account, content)


def moment(milliseconds: int) -> str:
    """RFC 3339; "" for 0, which is no end."""
    if not milliseconds:
        return ""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def mark(ident: int, key: bytes) -> str:
    """The value of the field for the message with this queue id."""
    return f"{to_text(ident)}.{_digest(ident, key)}"


def marked(value: str, key: bytes) -> int | None:
    """The queue id in the value of a field that we have made; None for any other."""
    text, _, digest = value.strip().partition(".")
    try:
        ident = from_text(text)
    except ValueError:
        return None
    expected = _digest(ident, key)
    found = digest.encode("utf-8", "replace").upper()
    return ident if hmac.compare_digest(found, expected.encode("ascii")) else None


def _digest(ident: int, key: bytes) -> str:
    digest = hmac.digest(key, b"feedback %d" % ident, "sha256")
    return base64.b32encode(digest[:16]).decode("ascii").rstrip("=")
