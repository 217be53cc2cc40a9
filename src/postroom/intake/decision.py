"""What an account does with a message: where it is filed, or why it is refused.

One 250 may stand for many opinions: one account files a message into its INBOX, the next into
Junk, a third refuses it. Decisions are values; ``decide`` makes them, ``plan`` carries them
out. An account without one files into its INBOX.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from postroom.ledger.rows import Fact, Kind as FactKind, clean, folded
from postroom.policy.verdict import Kind
from postroom.protocol.smtp.replies import Reply
from postroom.sieve.actions import Notify, Remember, Vacation
from postroom.store import mailboxes

MAX_REASON: Final = 1000  # characters of it in the ledger and in Rejects
JUNK_USE: Final = "\\Junk"


class Filing(msgspec.Struct, frozen=True):
    """One place where the message goes.

    ``special_use`` goes before the name ``mailbox``; with ``creates`` a mailbox that is missing
    is made, else the INBOX takes its place. ``flags`` and ``keywords`` as in ``store.flags``.
    A script may have changed the header block (RFC 5293): ``added`` are fields on top of it,
    ``head`` stands in its place.
    """

    mailbox: str | int = mailboxes.INBOX
    special_use: str = ""
    creates: bool = False
    flags: int = 0
    keywords: str = ""
    added: bytes = b""
    head: bytes | None = None


INBOX: Final = Filing()
JUNK: Final = Filing("Junk", JUNK_USE, creates=True)


class Resend(msgspec.Struct, frozen=True):
    """The message goes to an address with this header block, which a script has made."""

    address: str
    head: bytes


class Decision(msgspec.Struct, frozen=True):
    """What one account does.

    With a ``refusal`` it takes nothing: the message goes to its Rejects, with the ``reason``,
    which is in plain words and stands in the ledger too, as does that of a message which is
    filed elsewhere than in the INBOX. ``fields`` are whole header fields on top of this account's
    copies. Without ``filings`` and without a refusal the account wants no copy.

    The rest comes of scripts: ``redirects`` are further addresses the message goes to, ``resends``
    those that get it with another header block, ``answers`` leave once it is ours, and ``remember`` is stored then. ``is_personal``: the refusal is the
    account's own, and not one of the site. ``is_held``: nobody was told of the refusal, somebody is
    to look at the message. ``is_junk``: the message is judged so, wherever it goes, with this ``score``. ``kind``: what it was refused as.
    """

    filings: tuple[Filing, ...] = (INBOX,)
    refusal: Reply | None = None
    reason: str = ""
    fields: bytes = b""
    redirects: tuple[str, ...] = ()
    resends: tuple[Resend, ...] = ()
    answers: tuple[Vacation | Notify, ...] = ()
    remember: tuple[Remember, ...] = ()
    is_personal: bool = False
    is_held: bool = False
    is_junk: bool = False
    score: float = 0.0
    kind: Kind = ""

    def fact(self, account_id: int, recipient: str, at: int) -> Fact | None:
        """What the ledger tells of it, to be numbered; None when there is nothing to tell."""
        if not self.reason:
            return None
        kind: FactKind = "noted"
        if self.refusal is not None:
            kind = "held" if self.is_held else "refused"
        return Fact(
            0, 0, at, kind, folded(recipient), account_id, detail=clean(self.reason, MAX_REASON)
        )


KEEP: Final = Decision()
"""That of most accounts."""

Decisions = Mapping[int, Decision]
"""By account id; an account that is not there keeps the message."""

NONE: Final[Decisions] = MappingProxyType({})
