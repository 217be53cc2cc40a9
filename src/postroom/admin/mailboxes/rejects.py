"""Messages that an account refused: looked at, released into its INBOX, removed.

They are there for a fortnight (``store.rejects``), whatever the sender was told meanwhile.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.blobs.reader import Opened, pieces, read_row
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory.accounts import Account
from postroom.errors import Invalid, MailError, NotFound, Refused
from postroom.ledger.rows import Entry, normal_id
from postroom.message import headers, journal as reports
from postroom.message.index import Indexed, index
from postroom.message.scan import Scanner
from postroom.policy import lessons
from postroom.post import journal
from postroom.post.commit import Post
from postroom.post.journal import Seen
from postroom.queue.rows import NOTIFY_KEY
from postroom.store import mailboxes, rejects
from postroom.store.filing import Copy, Filed, file_letters
from postroom.store.rejects import Reject
from postroom.store.spans import Span


class RejectView(msgspec.Struct, frozen=True):
    """A refused message. ``sender`` is the reverse-path, ``author`` who stands in From.

    ``kind`` is "malware" or "spam" where it was refused as such, else "".
    """

    id: str
    at: datetime
    until: datetime
    recipient: str
    sender: str
    author: str
    subject: str
    size: int
    reason: str
    kind: str


class RejectDetails(msgspec.Struct, frozen=True):
    """The same, with the header block of the message."""

    message: RejectView
    header: str


class Changed(msgspec.Struct, frozen=True):
    """How many messages were released or removed."""

    account: str
    messages: int


async def every(
    office: Office, address: str, *, limit: int | None = None
) -> AsyncIterator[RejectView]:
    """What an account refused, the latest first. Raises NotFound."""
    async for one in _listing(office, await office.account(address)).every(limit):
        yield one


async def page(
    office: Office, address: str, *, after: str = "", size: int = 100
) -> Slice[RejectView]:
    """One page of what an account refused, the latest first. Raises NotFound."""
    return await _listing(office, await office.account(address)).page(after, size)


def _listing(office: Office, account: Account) -> paging.Listing[Reject, tuple[int], RejectView]:
    return paging.Listing(
        office.directory,
        lambda tx, key, most: rejects.newest(tx, account.id, below=key[0], limit=most),
        lambda one: (one.id,),
        (rejects.NEWEST,),
        lambda tx: rejects.count(tx, account.id),
        view,
    )


async def show(office: Office, address: str, ident: str) -> RejectDetails:
    """One of them. Raises NotFound."""
    account = await office.account(address)
    found = await _named(office, account, ident)
    head = await office.blobs.head(office.db, found.blob_id)
    return RejectDetails(view(found), (found.prefix + head).decode("utf-8", "replace"))


@recorded("reject.release", "address", "idents", "anyway")
async def release(
    office: Office, address: str, idents: Sequence[str], *, anyway: bool = False
) -> Changed:
    """File them into the INBOX, as they would have been; malware only ``anyway``.

    What was refused as spam is learned to be none. Raises NotFound, Refused.
    """
    account = await office.account(address)
    chosen = [await _named(office, account, ident) for ident in idents]
    for one in chosen:
        if one.kind == "malware" and not anyway:
            raise Refused(
                f"{to_text(one.id)} was refused because it holds malware ({one.reason}); if you are"
                f" sure: postroom rejects release {account.address} {to_text(one.id)} --anyway"
            )
    for one in chosen:
        blob = await office.db.read(lambda tx, one=one: read_row(tx, one.blob_id))  # type: ignore[misc]
        indexed = await _indexed(office, blob)
        await _journaled(office, one, blob)
        filed = await office.store.write(_release, office, account, one, indexed)
        changed = [place.mailbox_id for place in filed]
        office.store.wake(*changed)
        office.notify.hint(changed)
    return Changed(str(account.address), len(chosen))


@recorded("reject.remove", "address", "idents")
async def remove(office: Office, address: str, idents: Sequence[str]) -> Changed:
    """Remove them for good. Raises NotFound."""
    account = await office.account(address)
    chosen = [(await _named(office, account, ident)).id for ident in idents]
    gone = await office.store.write(rejects.remove, office.blobs, chosen, office.now())
    return Changed(str(account.address), gone)


def _release(
    tx: Tx, office: Office, account: Account, one: Reject, indexed: Indexed
) -> list[Filed]:
    """The message takes over the reference to its blob."""
    if rejects.named(tx, account.id, one.id) is None:
        raise NotFound(f"{to_text(one.id)} is gone already")
    office.blobs.retain(tx, {one.blob_id: 1})
    rejects.remove(tx, office.blobs, [one.id], office.now())
    copy = Copy(
        account_id=account.id,
        mailbox=mailboxes.INBOX,
        message_id=one.id,
        blob_id=one.blob_id,
        prefix=one.prefix,
        received=one.at,
        size=one.size,
        envelope=indexed.envelope,
        bodystructure=indexed.bodystructure,
        thread_id=indexed.thread_id(one.id),
        quota=account.quota,
        recipient=one.recipient,
    )
    (answer,) = file_letters(tx, [[copy]], office.now())
    if isinstance(answer, MailError):
        raise Refused(
            f"{account.address} has no room for it; give it more: postroom account quota"
            f" {account.address} SIZE, or --messages N"
        )
    if one.kind == "spam" and office.config.spam.enabled:
        for place in answer:
            span = Span(place.uid, place.uid)
            lessons.wait(tx, place.mailbox_id, span, office.now(), is_spam=False)
    return answer


async def _journaled(office: Office, one: Reject, blob: Opened) -> None:
    """What comes after all is copied as what comes at once, before it is filed."""
    directory = office.directory
    if not await directory.has_journals():
        return
    if not one.sender and reports.is_own(blob.head, directory.secrets.srs):
        return

    def body() -> AsyncIterator[bytes]:
        return pieces(office.db, office.blobs.files, blob, 0, blob.size)

    is_ascii = blob.head.isascii()
    async for block in body():
        is_ascii = is_ascii and block.isascii()
    named = headers.values(blob.head, b"Message-ID")
    message_id = normal_id(named[0].decode("utf-8", "replace")) if named else ""
    entry = Entry(
        one.id, office.now(), "", "", "", one.sender, message_id, one.subject, one.size
    )  # fmt: skip
    seen = Seen(one.sender, (), (one.recipient,), blob.head, is_ascii)
    post = Post(office.db, office.blobs, office.notify, office.clock)
    copies = await journal.copies(office, directory, entry, seen, body)
    for copy in copies:
        await post.commit(copy)
    if copies:
        office.notify.hint([NOTIFY_KEY])  # the server may be another process


async def _indexed(office: Office, blob: Opened) -> Indexed:
    """Scan the message, block by block."""
    scanner = Scanner()
    scanner.feed(blob.head)
    async for block in pieces(office.db, office.blobs.files, blob, 0, blob.size):
        scanner.feed(block)
    return index(blob.head, scanner.finish())


async def _named(office: Office, account: Account, text: str) -> Reject:
    ident = names.ident(
        text,
        Invalid(
            f"{text} is no id of a refused message: it has 13 letters and digits; see: postroom rejects list"
        ),
    )
    found = await office.store.read(rejects.named, account.id, ident)
    if found is None:
        raise NotFound(
            f"{account.address} has no refused message {text}; see: postroom rejects list"
            f" {account.address}"
        )
    return found


def view(one: Reject) -> RejectView:
    """As it is shown."""
    return RejectView(
        id=to_text(one.id),
        at=names.moment(one.at),
        until=names.moment(one.at + rejects.KEPT_MS),
        recipient=one.recipient,
        sender=one.sender,
        author=one.author,
        subject=one.subject,
        size=one.size,
        reason=one.reason,
        kind=one.kind,
    )
