r"""What people teach the spam filter by what they do with a message.

Spam: moved or copied into the mailbox with the use \\Junk, appended there, marked $Junk.
Wanted: taken out of it (but not into \\Trash), marked $NotJunk, filed in \\Archive, answered.
Keywords are those of the IANA registry, and the ones that programs used before.
RFC 6154 §2 (special uses), RFC 9051 §2.3.2 ($Junk, $NotJunk).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.policy import lessons
from postroom.store import copying, flags
from postroom.store.copying import Copied, Transfer
from postroom.store.entries import FlagChange
from postroom.store.mailboxes import Mailbox
from postroom.store.spans import Span
from postroom.store.store import Store

JUNK: Final = "\\Junk"
TRASH: Final = "\\Trash"
ARCHIVE: Final = "\\Archive"
SPAM_WORDS: Final = frozenset({"$junk", "junk"})
HAM_WORDS: Final = frozenset({"$notjunk", "nonjunk", "notjunk"})


def by_moving(source: Mailbox, target: Mailbox) -> bool | None:
    """True: that is spam; False: it is not; None: it says nothing."""
    was, becomes = source.special_uses, target.special_uses
    if JUNK in becomes:
        return None if JUNK in was else True
    if JUNK in was:
        return None if TRASH in becomes else False
    return False if ARCHIVE in becomes else None


def by_flags(change: FlagChange, mailbox: Mailbox) -> bool | None:
    """The same of a STORE command."""
    if change.action == "remove":
        return None
    words = {word.casefold() for word in change.keywords} if change.names else set()
    is_spam, is_ham = bool(words & SPAM_WORDS), bool(words & HAM_WORDS)
    if is_spam is not is_ham:
        return is_spam
    is_answered = change.action == "add" and change.touches(flags.ANSWERED)
    return False if is_answered and JUNK not in mailbox.special_uses else None


async def by_storing(
    store: Store, mailbox: Mailbox, change: FlagChange, spans: Iterable[Span]
) -> None:
    """Flags of these messages were changed: let them wait to be learned if that says anything."""
    is_spam = by_flags(change, mailbox) if store.learns else None
    if is_spam is not None:
        for span in spans:
            await store.write_bulk(lessons.wait, mailbox.id, span, store.clock(), is_spam=is_spam)


async def by_appending(store: Store, mailbox: Mailbox, uids: Sequence[int]) -> None:
    """Messages were put into a mailbox."""
    if store.learns and JUNK in mailbox.special_uses:
        span = Span(uids[0], uids[-1])
        await store.write_bulk(lessons.wait, mailbox.id, span, store.clock(), is_spam=True)


def transfer(tx: Tx, blobs: BlobStore, order: Transfer, now: int, is_spam: bool | None) -> Copied:
    """Copy or move, and let the copies wait to be learned."""
    copied = copying.transfer(tx, blobs, order, now)
    if is_spam is not None and copied.sources:
        span = Span(copied.first, copied.first + len(copied.sources) - 1)
        lessons.wait(tx, order.target.id, span, now, is_spam=is_spam)
    return copied
