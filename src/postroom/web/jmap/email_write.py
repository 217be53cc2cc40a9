"""What all methods share that write Emails: which Emails and Mailboxes are meant, and filing one."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from postroom.access.append import TooBig
from postroom.access.depositing import Deposit, Deposited
from postroom.access.places import Place
from postroom.access.refiling import Entry
from postroom.errors import Invalid
from postroom.post.commit import Post
from postroom.protocol.imap import object_ids
from postroom.web.jmap import blob_ids, mailbox as mailboxes, sources, states
from postroom.web.jmap.account import Account
from postroom.web.jmap.blobs import Blob
from postroom.web.jmap.body_write import Quoted
from postroom.web.jmap.drafting import Placing
from postroom.web.jmap.emails import number_of
from postroom.web.jmap.errors import SetError, invalid_properties
from postroom.web.jmap.method import Call, Result
from postroom.web.jmap.outline import Email, outline_of
from postroom.web.jmap.threads import email_id

LINE: Final = 57  # octets that become a line of base64 (RFC 2045 §6.8)
BLOCK: Final = 64 * 1024


async def state(account: Account) -> str:
    """The state of Emails."""
    return states.pack_emails(states.of_outline(await outline_of(account)))


async def located(account: Account, ident: str) -> tuple[Email, tuple[Entry, ...]]:
    """An Email, and where it is. Raises ``notFound``."""
    outline, number = await outline_of(account), number_of(ident)
    email = outline.email(number)
    places = await _places(account)
    found = [
        Entry(places[one.mailbox_id], one.uid)
        for one in outline.entries(number)
        if one.mailbox_id in places
    ]
    if email is None or not found:
        raise SetError("notFound", f"there is no Email {ident!r}")
    return email, tuple(found)


async def chosen(call: Call, account: Account, ids: Iterable[str]) -> list[Place]:
    """The Mailboxes with these ids, or that were created as ``#id``. Raises SetError."""
    found: dict[int, Place] = {}
    for ident in ids:
        number = mailboxes.number_of(call.resolved(ident) or "")
        place = (await _places(account)).get(number)
        if place is None:
            account.forget()  # it may have been made in this request
            place = (await _places(account)).get(number)
        if place is None:
            raise invalid_properties(f"there is no Mailbox {ident!r}", f"mailboxIds/{ident}")
        found[number] = place
    return list(found.values())


async def needed(call: Call, account: Account, ids: Sequence[str]) -> dict[str, Blob]:
    """The blobs with these ids. Raises ``blobNotFound``."""
    found = {ident: await blob_of(call, account, ident) for ident in ids}
    missing = [ident for ident, blob in found.items() if blob is None]
    if missing:
        raise SetError("blobNotFound", "upload them first", notFound=missing)
    return {ident: blob for ident, blob in found.items() if blob is not None}


async def blob_of(call: Call, account: Account, ident: str) -> Blob | None:
    """One blob; ``#id`` is what was created under this id."""
    resolved = call.resolved(ident)
    return None if resolved is None else await sources.find(account, resolved)


async def deposited(
    call: Call, places: Sequence[Place], placing: Placing, size: int, pieces: AsyncIterator[bytes]
) -> Deposited:
    """File a message. Raises SetError, Refused, MailError."""
    office = call.office
    post = Post(office.db, office.blobs, office.notify, office.clock)
    most = office.config.limits.max_message
    deposit = Deposit(office.store, post, max_message=most)
    received = office.now() if placing.received is None else placing.received
    try:
        await deposit.begin(places, size)
        async for piece in pieces:
            await deposit.write(piece)
        labels = placing.labels
        return await deposit.finish(labels.bits, sorted(labels.words), received)
    except TooBig:
        raise SetError("tooLarge", f"a message has at most {most} octets", maxSize=most) from None
    except Invalid as error:
        raise SetError("invalidEmail", str(error)) from None
    finally:
        await deposit.abort()


def told(made: Deposited) -> Result:
    """What a client can't know of an Email that was made."""
    return {
        "id": email_id(made.message_id),
        "blobId": blob_ids.written(blob_ids.Place(made.message_id)),
        "threadId": object_ids.thread_id(made.thread_id).decode("ascii"),
        "size": made.size,
    }


def size_of(pieces: Iterable[bytes | Quoted], found: dict[str, Blob]) -> int:
    """Octets of a message, nearly so where a blob is not measured exactly."""
    total = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            total += len(piece)
        else:
            size = found[piece.blob_id].size
            total += size if piece.is_whole else size * 4 // 3 + size // 28
    return total


async def written(pieces: Iterable[bytes | Quoted], found: dict[str, Blob]) -> AsyncIterator[bytes]:
    """The octets of a message, with those of its blobs as they are read."""
    for piece in pieces:
        if isinstance(piece, bytes):
            for start in range(0, len(piece), BLOCK):
                yield piece[start : start + BLOCK]
                await asyncio.sleep(0)  # texts of a request are in memory: others have their turn
            continue
        octets = found[piece.blob_id].pieces()
        async for block in octets if piece.is_whole else _base64(octets):
            yield block


async def _base64(octets: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = b""
    async for block in octets:
        for start in range(0, len(block), BLOCK):
            held += block[start : start + BLOCK]
            end = len(held) - len(held) % LINE
            yield base64.encodebytes(held[:end]).replace(b"\n", b"\r\n")
            held = held[end:]
    yield base64.encodebytes(held).replace(b"\n", b"\r\n")


def seed() -> str:
    """For a boundary: nobody can have known it."""
    return secrets.token_hex(14)


async def _places(account: Account) -> dict[int, Place]:
    return {place.mailbox.id: place for place in await account.mailboxes()}
