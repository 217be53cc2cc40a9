r"""Special uses of mailboxes: \Drafts, \Sent and so on, each of one mailbox of an account.

Giving a use to a mailbox takes it from the one that had it. Each change is an annotation's
(``/private/specialuse``), so whoever watches these learns of it. RFC 6154.
"""

from collections.abc import Sequence
from typing import Final

from postroom.db.database import Tx
from postroom.errors import Invalid
from postroom.store import annotations, mailboxes, usage
from postroom.store.mailboxes import SPECIAL_USES, Mailbox

ENTRY: Final = "/private/specialuse"


class BadUse(Invalid):
    """A special use that can't be given to this mailbox: RFC 6154 §3, USEATTR."""


def checked(uses: Sequence[str]) -> tuple[str, ...]:
    """Uses in their order, each once; raises BadUse for one that does not exist here."""
    for use in uses:
        if use not in SPECIAL_USES.values():
            raise BadUse(
                f"there is no special use {use}; there are {' '.join(SPECIAL_USES.values())}"
            )
    return tuple(dict.fromkeys(uses))


def give(
    tx: Tx, account_id: int, mailbox: Mailbox, uses: Sequence[str], now: int
) -> tuple[int, list[Mailbox]]:
    """Let a mailbox have these uses and no others; the MODSEQ, and who has lost some by that.

    Raises BadUse, NotFound.
    """
    chosen = checked(uses)
    if chosen and mailbox.name == mailboxes.INBOX:
        raise BadUse("the INBOX has no special use; make another mailbox for it")
    usage.lock(tx, account_id, now)
    losers: list[Mailbox] = []
    for other in mailboxes.with_uses(tx, account_id):
        left = [use for use in other.special_uses if use not in chosen]
        if other.id != mailbox.id and len(left) < len(other.special_uses):
            _set(tx, account_id, other.id, left)
            losers.append(other)
    usage.note_change(tx, account_id)
    return _set(tx, account_id, mailbox.id, chosen), losers


def _set(tx: Tx, account_id: int, mailbox_id: int, uses: Sequence[str]) -> int:
    modseq = mailboxes.set_uses(tx, mailbox_id, uses)
    annotations.note(tx, mailbox_id, account_id, ENTRY, modseq)
    return modseq
