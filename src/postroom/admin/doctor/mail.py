"""The mail itself: counters, references, bodies, digests, the queue.

Without ``repair`` nothing is written. With it counters are set to what the rows say, messages
that no mailbox has any more come into the mailbox "Recovered", and files without a row are set
aside; nothing is deleted that anybody could miss. To mend twice is to mend once.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from postroom.admin.doctor.finding import Finding, mended
from postroom.admin.names import count
from postroom.admin.office import Office
from postroom.blobs import audit as bodies
from postroom.blobs.sweep import sweep
from postroom.db.ids import to_text
from postroom.queue import audit as queue, listing
from postroom.store import audit, mending

MOST: Final = 1000  # findings of one check
OLD_MS: Final = 24 * 3_600_000  # in the queue

_RESTORE: Final = "restore it from a backup: postroom restore"
_REPAIR: Final = "postroom doctor --repair"


async def counters(office: Office, *, repair: bool) -> AsyncIterator[Finding]:
    """What mailboxes and accounts say of themselves."""
    after = 0
    while True:
        wrong, after = await office.store.read(audit.wrong_mailboxes, after)
        for one in wrong:
            who = await _name(office, one.account_id)
            finding = Finding(
                "counters", "error", f"{who}, {one.name}",
                "number, octets or next UID are not those of its messages", _REPAIR,
            )  # fmt: skip
            if repair:
                await office.store.write_bulk(
                    mending.recount_mailbox, one.account_id, one.id, office.now()
                )
                finding = mended(finding)
            yield finding
        if not after:
            break
    while True:
        accounts, after = await office.store.read(audit.wrong_usages, after)
        for account_id in accounts:
            who = await _name(office, account_id)
            reason = "its usage is not the sum of its mailboxes"
            finding = Finding("counters", "error", who, reason, _REPAIR)
            if repair:
                await office.store.write_bulk(mending.recount_usage, account_id, office.now())
                finding = mended(finding)
            yield finding
        if not after:
            return


async def messages(office: Office, *, repair: bool) -> AsyncIterator[Finding]:
    """Messages and the entries that name them."""
    async for account_id in _accounts(office):
        wrong = await office.store.read(audit.wrong_messages, account_id)
        for one in wrong:
            who = await _name(office, account_id)
            reason = (
                f"named {one.found} times, counted {one.refs}" if one.found
                else "no mailbox has it any more"
            )  # fmt: skip
            finding = Finding("messages", "error", f"{who}, {to_text(one.id)}", reason, _REPAIR)
            yield mended(finding) if repair else finding
        if repair and wrong:
            await office.store.write_bulk(
                mending.recount_messages, account_id, office.ids.next(), office.now()
            )
        for name, uid in await office.store.read(audit.lost_entries, account_id):
            who = await _name(office, account_id)
            subject = f"{who}, {name}, UID {uid}"
            yield Finding("messages", "error", subject, "the message is gone", _RESTORE)
        for ident in await office.store.read(audit.without_blob, account_id):
            who = await _name(office, account_id)
            subject = f"{who}, {to_text(ident)}"
            yield Finding("messages", "error", subject, "the octets are gone", _RESTORE)


async def references(office: Office, *, repair: bool) -> AsyncIterator[Finding]:
    """How often the octets of messages are named."""
    wrong = await office.store.read(audit.wrong_blobs)
    if repair and wrong:
        await office.store.write_bulk(
            mending.recount_blobs, [one.id for one in wrong], office.now()
        )
    for one in wrong:
        reason = f"named {one.found} times, counted {one.refs}"
        if one.found == one.refs:
            reason = "marked to be kept and to be removed at once"
        finding = Finding("references", "error", to_text(one.id), reason, _REPAIR)
        yield mended(finding) if repair else finding


async def files(office: Office, *, repair: bool) -> AsyncIterator[Finding]:
    """Bodies that are missing, and files that nobody names."""
    async for ident in bodies.missing(office.db, office.blobs):
        where = await _holders(office, ident)
        yield Finding("files", "error", where, "its body is missing", _RESTORE)
    if repair:
        moved = await sweep(office.config.folder, office.db, office.now())
        if moved:
            yield Finding(
                "files", "warning", str(office.config.folder / "quarantine"),
                f"{count(moved, 'file')} of a crash removed, or set aside there",
                is_mended=True,
            )  # fmt: skip


async def digests(office: Office) -> AsyncIterator[Finding]:
    """Every octet, compared with what was written."""
    async for ident, why in bodies.damaged(office.db, office.blobs):
        where = await _holders(office, ident)
        yield Finding("digests", "error", where, why, _RESTORE)


async def outgoing(office: Office, *, repair: bool) -> AsyncIterator[Finding]:
    """The queue: what does not fit together, and what waits too long."""
    found = await office.db.read(queue.faults)
    if repair and found.destinations:
        await office.db.write(lambda tx: queue.recount(tx, office.now()), bulk=True)
    if repair and found.letters:
        await office.db.write(
            lambda tx: queue.drop_letters(tx, office.blobs, office.now()), bulk=True
        )
    for name in found.destinations:
        finding = Finding("queue", "error", name, "what waits for it is miscounted", _REPAIR)
        yield mended(finding) if repair else finding
    for ident in found.letters:
        finding = Finding("queue", "error", to_text(ident), "it has no recipient left", _REPAIR)
        yield mended(finding) if repair else finding
    for ident, number in found.deliveries:
        subject = f"{to_text(ident)}, recipient {number}"
        yield Finding("queue", "error", subject, "its message is gone", _RESTORE)
    waiting = await office.db.read(listing.stats)
    if waiting.quarantined:
        reason = f"{_deliveries(waiting.quarantined)} put aside, as a process died over them"
        action = "postroom queue list, then postroom queue release or remove"
        yield Finding("queue", "error", "quarantine", reason, action)
    if waiting.held:
        reason, action = f"{_deliveries(waiting.held)} held", "postroom queue release"
        yield Finding("queue", "warning", "held", reason, action)
    if waiting.oldest and office.now() - waiting.oldest > OLD_MS:
        hours = (office.now() - waiting.oldest) // 3_600_000
        reason = f"the oldest message waits for {count(hours, 'hour')}"
        yield Finding("queue", "warning", "age", reason, "postroom queue list tells why")


def _deliveries(number: int) -> str:
    return count(number, "delivery", "deliveries")


async def _accounts(office: Office) -> AsyncIterator[int]:
    after = 0
    while page := await office.db.read(partial(audit.accounts, after=after)):
        for account_id in page:
            yield account_id
        after = page[-1]


async def _name(office: Office, account_id: int) -> str:
    named = await office.directory.named([account_id])
    return named.get(account_id, f"account {account_id}")


async def _holders(office: Office, ident: int) -> str:
    """Who has these octets, for people."""
    found = await office.store.read(audit.holders, ident)
    places = [f"{await _name(office, account)}, {name}, UID {uid}" for account, name, uid in found]
    return "; ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "") or (
        f"octets {to_text(ident)}, in no mailbox"
    )
