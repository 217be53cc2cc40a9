r"""Differences: which Emails and Threads have come, changed and gone since a state (RFC 8620 §5.2).

What is there now is in the outline, with the MODSEQ of each entry; what was expunged since is told
by the store with the message it was. An entry was there then if its UID is below the next UID of
then, and if it was not marked \Deleted. So a message that was moved was there before and is now.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from postroom.db.database import Row
from postroom.web.jmap.box import Box
from postroom.web.jmap.outline import Outline
from postroom.web.jmap.states import Emails, Seen, unknown

Gone = Mapping[int, Sequence[Row]]
"""By mailbox, (uid, message id, thread id) of what was expunged since."""


class Difference(NamedTuple):
    """Ids; ``passing`` have come and gone again."""

    created: frozenset[int]
    updated: frozenset[int]
    destroyed: frozenset[int]
    passing: frozenset[int] = frozenset()


NOTHING = Difference(frozenset(), frozenset(), frozenset())


def asked(before: Emails, outline: Outline) -> dict[int, tuple[int, int]]:
    """Of which mailboxes the expunges between which MODSEQs are to be known.

    Raises ``cannotCalculateChanges``.
    """
    for mailbox_id, seen in before.items():
        box = outline.boxes.get(mailbox_id)
        if box is None and not seen.is_empty:
            raise unknown("a mailbox with messages was deleted since")
        if box is not None and _is_another(box, seen):
            raise unknown("the mailboxes are older than that state, or others")
    return {
        ident: (before[ident].modseq, box.head.modseq)
        for ident, box in outline.boxes.items()
        if ident in before and before[ident].modseq < box.head.modseq
    }


def _is_another(box: Box, seen: Seen) -> bool:
    head = box.head
    return (
        head.uidvalidity != seen.uidvalidity
        or head.modseq < seen.modseq
        or head.uidnext < seen.uidnext
    )


def of_emails(before: Emails, outline: Outline, gone: Gone) -> Difference:
    """What has become of Emails; raises ``cannotCalculateChanges``."""
    touched: set[int] = set()
    then: set[int] = set()  # of those touched, the ones that were shown
    perhaps: set[int] = set()
    for ident, box in outline.boxes.items():
        seen = before.get(ident)
        if seen is None:
            touched.update(box.ids)
        elif seen.modseq < box.head.modseq:
            _changed(box, seen, touched, then, perhaps)
            for uid, message_id, _ in gone.get(ident, ()):
                touched.add(message_id)
                _note(seen, uid, message_id, then, perhaps)
    created, updated, destroyed, passing = set[int](), set[int](), set[int](), set[int]()
    for message_id in touched:
        is_now = outline.email(message_id) is not None
        was_then = message_id in then or _was_shown(before, outline, message_id)
        if not was_then and message_id in perhaps:
            if is_now:
                raise unknown("too many messages were marked for deletion")
            was_then = True
        if is_now:
            (updated if was_then else created).add(message_id)
        else:
            (destroyed if was_then else passing).add(message_id)
    return Difference(*map(frozenset, (created, updated, destroyed, passing)))


def _changed(box: Box, seen: Seen, touched: set[int], then: set[int], perhaps: set[int]) -> None:
    since, ids, uids = seen.modseq, box.ids, box.uids
    for at, modseq in enumerate(box.modseqs):
        if modseq > since:
            touched.add(ids[at])
            _note(seen, uids[at], ids[at], then, perhaps)


def _note(seen: Seen, uid: int, message_id: int, then: set[int], perhaps: set[int]) -> None:
    if uid < seen.uidnext:
        is_hidden = seen.is_hidden(uid)
        if is_hidden is None:
            perhaps.add(message_id)
        elif not is_hidden:
            then.add(message_id)


def _was_shown(before: Emails, outline: Outline, message_id: int) -> bool:
    """Whether an entry that has not changed since shows the message."""
    for ident, box in outline.boxes.items():
        seen = before.get(ident)
        if seen is not None:
            for at in box.places(message_id):
                if box.modseqs[at] <= seen.modseq and box.is_shown(at):
                    return True
    return False


def of_threads(emails: Difference, outline: Outline, threads: Mapping[int, int]) -> Difference:
    """What has become of Threads; ``threads`` are those of the Emails that are gone."""
    made = {email.thread_id for email in map(outline.email, emails.created) if email}
    lost = {threads[ident] for ident in emails.destroyed}
    passing = {threads[ident] for ident in emails.passing if ident in threads}
    now = outline.of_threads(made | lost)
    created, updated, destroyed = set[int](), set[int](), set[int]()
    for ident in made | lost:
        is_now = ident in now
        was_then = ident in lost or any(one not in emails.created for one in now[ident])
        if is_now:
            (updated if was_then else created).add(ident)
        else:
            destroyed.add(ident)
    still = outline.of_threads(passing - made - lost)
    return Difference(
        frozenset(created), frozenset(updated), frozenset(destroyed),
        frozenset(passing - made - lost - still.keys()),
    )  # fmt: skip


def threads_of(gone: Iterable[Sequence[Row]]) -> dict[int, int]:
    """The threads of expunged messages, as far as the store has noted them."""
    return {row[1]: row[2] for rows in gone for row in rows if row[2]}
