"""The API: sending messages, and asking what became of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from postroom.address import Address, AddressError
from postroom.admin import trace
from postroom.admin.trace import Found
from postroom.db.ids import to_text
from postroom.directory import accounts
from postroom.directory.login import Identity
from postroom.ledger import sent_once
from postroom.ledger.sent_once import SentOnce
from postroom.message import dates
from postroom.web.api import composing
from postroom.web.api.call import Call, beyond
from postroom.web.api.composing import NewMessage
from postroom.web.api.operation import Input, Noun
from postroom.web.api.problem import Problem
from postroom.web.api.sending import send
from postroom.web.api.upload import Upload
from postroom.web.submitting import Envelope, cut

NOUN: Final = Noun("messages", "mail", "Sending messages, and what became of them.")

_IN_WORK_MS: Final = 10 * 60_000  # longer than a request may take: after that its process died


class Submission(Input, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The envelope of a message that is sent as it is; for JSON only the key."""

    from_: Annotated[
        str, Meta(description="The reverse-path. Default: the address of the token's account.")
    ] = ""
    to: Annotated[str, Meta(description="Recipients, with commas.")] = ""
    key: Annotated[
        str,
        Meta(
            max_length=200,
            description="Sent again with the same key within a day, it is answered and not sent "
            "twice.",
        ),
    ] = ""


class Accepted(msgspec.Struct, frozen=True):
    """The message is on stable storage, and on its way. ``id`` is for ``trace``."""

    id: str
    message_id: str
    recipients: tuple[str, ...]


class Asked(Input, frozen=True, kw_only=True):
    """A queue id, a Message-ID or an address."""

    q: str
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


@NOUN.on(
    "POST", "/messages", scope="mail:send", status=202, uploads=["message/rfc822"], narrows=True
)
async def post(
    call: Call, query: Submission, body: NewMessage | None, upload: Upload | None
) -> Accepted:
    """Send a message.

    As JSON, which is composed here, or whole as message/rfc822. The answer comes once it is on
    stable storage. All recipients are taken or none.
    """
    if upload is not None:
        return await _whole(call, query, upload)
    if body is None:
        raise Problem(422, "invalid", "A value makes no sense", "there is no message")
    sender, recipients = composing.sender(body), composing.recipients(body)
    identity = await _identity(call, str(sender))
    message_id = f"{to_text(call.office.ids.next())}@{sender.domain.ascii}"
    date = dates.write(call.office.now())
    octets = await asyncio.to_thread(composing.composed, body, date=date, message_id=message_id)
    digest = hashlib.sha256(msgspec.json.encode(body)).digest()
    once = SentOnce(call.token.id, query.key, call.office.now(), digest, message_id)
    return await _once(
        call, once, identity, Envelope(sender, _some(recipients), len(octets)), cut(octets)
    )


@NOUN.on("GET", "/trace", scope="trace:read")
async def story(call: Call, query: Asked) -> Found:
    """Tell what happened to messages: by queue id, Message-ID or address, the newest first."""
    return await trace.find(call.office, query.q, limit=query.limit)


async def _whole(call: Call, query: Submission, upload: Upload) -> Accepted:
    own = str(call.token.account or "")
    sender = _address(query.from_ or own, "from")
    identity = await _identity(call, str(sender))
    recipients = [_address(text, "to") for text in query.to.split(",") if text.strip()]
    if query.key:
        octets = await upload.read()
        digest = hashlib.sha256(f"{sender} {query.to}\n".encode() + octets).digest()
        attempt = to_text(call.office.ids.next())  # no Message-ID: it can't be found again
        once = SentOnce(call.token.id, query.key, call.office.now(), digest, attempt)
        return await _once(
            call, once, identity, Envelope(sender, _some(recipients), len(octets)), cut(octets)
        )
    ident = await send(call, identity, Envelope(sender, _some(recipients)), upload.pieces())
    return Accepted(ident, "", tuple(map(str, recipients)))


async def _once(
    call: Call,
    once: SentOnce,
    identity: Identity,
    envelope: Envelope,
    pieces: AsyncIterator[bytes],
) -> Accepted:
    """Send it, unless it was sent with this key already."""
    named = tuple(map(str, envelope.recipients))
    if not once.key:
        ident = await send(call, identity, envelope, pieces)
        return Accepted(ident, once.message_id, named)
    db = call.office.db
    before = await db.write(lambda tx: sent_once.begin(tx, once))
    if before.digest != once.digest:
        raise Problem(
            422, "key-reused", "The key was used for another message", "make a new key for it"
        )
    if before.answer:
        return msgspec.json.decode(before.answer, type=Accepted)
    if before.message_id != once.message_id:
        known = await _known(call, before, once.at)
        if known:
            return Accepted(known, before.message_id, named)
    try:
        ident = await send(call, identity, envelope, pieces)
    except Problem:
        await db.write(lambda tx: sent_once.forget(tx, once))
        raise
    answer = Accepted(ident, once.message_id, named)
    text = msgspec.json.encode(answer).decode()
    await db.write(lambda tx: sent_once.finish(tx, once, text))
    return answer


async def _known(call: Call, before: SentOnce, now: int) -> str:
    """The queue id of a message whose request never got an answer; "" when it was not sent."""
    if now - before.at < _IN_WORK_MS:
        raise Problem(
            409,
            "in-work",
            "The same is being done",
            "a request with this key has not ended; ask again a little later",
            Retry_After="5",
        )
    found = await trace.newest(call.office, before.message_id)
    return to_text(found.entry.id) if found else ""


async def _identity(call: Call, sender: str) -> Identity:
    """Whose message it is: the token's account, or the one that has the sender's address."""
    office, token = call.office, call.token
    if token.account is not None:
        found = await office.directory.known(str(token.account))
    else:
        found = await office.directory.known(sender)
    if found is None:
        raise Problem(
            403,
            "sender",
            "Nobody may send that",
            f"{sender} is the address of no account here; see: postroom account list",
        )
    if token.domain is not None:
        address = await office.directory.look(lambda tx: accounts.by_id(tx, found.account_id))
        if address is None or address.address.domain.ascii != token.domain:
            raise beyond(token, f"{sender} is not of it")
    return found


def _some(recipients: list[Address]) -> list[Address]:
    if not recipients:
        raise Problem(
            422, "invalid", "A value makes no sense", "there is no recipient", path="$.to"
        )
    return recipients


def _address(text: str, name: str) -> Address:
    try:
        return Address.parse(text.strip())
    except AddressError as error:
        raise Problem(
            422, "invalid", "A value makes no sense", f"{text or 'nothing'}: {error}", path=name
        ) from None
