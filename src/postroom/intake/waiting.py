"""Messages that have waited in the queue for addresses here: the end of their way.

Some were to come later (RFC 4865), some came for many of whom one had no room. What is for a mailing
list always goes this way, and is handed to the list (``lists.desk``).
What accounts do with them is decided as at acceptance: lists of senders, rules, scripts, folders,
forwards. No client is there to be refused any more. Where everybody refuses, the copy goes to
Rejects and the delivery fails, so that the queue tells the sender, or does not, as it does of every
failure; where some take it, those who refuse have their copy in Rejects.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol

import msgspec

from postroom.address import Address, AddressError
from postroom.config.model import Config
from postroom.db.database import Database
from postroom.directory.directory import Directory
from postroom.directory.expand import Resolution
from postroom.directory.sending import Sending
from postroom.errors import Permanent, Temporary
from postroom.intake import (
    answering,
    decide,
    editing,
    forwarding,
    plan,
    rejecting,
    relay,
    resending,
)
from postroom.intake.arrival import Arrival
from postroom.intake.handed import Message
from postroom.intake.limits import MAIL_LOOP
from postroom.intake.lists.desk import ListDesk
from postroom.intake.peer import Peer
from postroom.intake.plan import Content, Envelope
from postroom.intake.services import Services
from postroom.intake.stamp import Session
from postroom.message import trace
from postroom.message.index import index
from postroom.policy.asking import Names
from postroom.policy.verdict import Verdict
from postroom.post import notice
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.post.notice import DOOR, Budget
from postroom.protocol.smtp.commands import Mail
from postroom.protocol.smtp.replies import Reply
from postroom.queue.rows import OURS, VERIFIED, Queued
from postroom.store.store import Store

_BEFORE: Final = "when it came"  # stands for the stages that judged it then

REJECTS_PER_HOUR: Final = 200
"""Refused messages that an account keeps though their senders were told."""


class Tools(notice.Tools, Protocol):
    """What a process has; ``admin.office.Office``."""

    @property
    def db(self) -> Database:
        """The database."""

    @property
    def directory(self) -> Directory:
        """Who is here."""

    @property
    def store(self) -> Store:
        """Mailboxes."""


Taken = tuple[Letter, Callable[[], Awaitable[None]]]
"""The letter, and what is to be done once it is committed."""


def waiting(config: Config, tools: Tools, post: Post, resolver: Names) -> "Waiting":
    """The desk of one process."""
    clock = tools.clock
    return Waiting(
        Services(
            hostname=config.hostname,
            limits=config.limits,
            directory=tools.directory,
            store=tools.store,
            blobs=tools.blobs,
            post=post,
            ids=tools.ids,
            clock=clock,
            disk=tools.blobs.disk,
            sending=Sending(tools.db, clock, config.limits.sends_per_day),
            budget=Budget(clock, config.delivery.notices_per_hour),
            kept=Budget(clock, REJECTS_PER_HOUR),
            filing=config.filing,
            resolver=resolver,
        )
    )


class Waiting:
    """Decides about messages of the queue."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lists = ListDesk(services)
        peer = Peer(session="", address="", port=0, door=DOOR)
        self._session = Session(peer, services.hostname, is_inside=True)

    async def take(self, message: Message) -> Taken | None:
        """The letter; None where everybody keeps the message as it is.

        Raises MailError: why nobody takes it, or not now.
        """
        services = self._services
        if message.found.list_id:
            return await self._lists.take(message)
        envelope = await self._envelope(message)
        is_plain = message.recipient.inward is None and not envelope.full
        if is_plain and not await self._has_opinions(message.found):
            return None
        arrival = Arrival(services.blobs, max_message=0, mends=False)
        try:
            await arrival.take(message.head)
            async for block in message.body():
                await arrival.take(block)
            await arrival.finish()
            if arrival.refusal is not None:  # it was taken once: its header block has grown
                return None
            arrival.is_amended = True
            return await self._decided(envelope, arrival, message)
        finally:
            await arrival.abort()

    async def _has_opinions(self, found: Resolution) -> bool:
        directory = self._services.directory
        for one in found.local:
            if (
                one.detail
                or await directory.senders_of(one.account_id) is not None
                or await directory.filter_of(one.account_id) is not None
            ):
                return True
        return False

    async def _decided(self, envelope: Envelope, arrival: Arrival, brought: Message) -> Taken:
        (accepted,) = envelope.accepted
        before = [one.casefold() for one in trace.delivered_addresses(arrival.head)]
        if accepted.address.casefold() in before:
            raise _error(MAIL_LOOP)
        message = decide.Message.of(envelope, arrival, self._session, None)
        inward = brought.recipient.inward
        if inward is not None and inward.junk:
            judged = Verdict(stage=_BEFORE, action="junk", reason=inward.junk, score=inward.score)
            message = msgspec.structs.replace(message, verdicts=(judged,))
        opinions = await decide.decide(self._services, message)
        said = opinions.of(accepted)
        if said is not None and not said.is_permanent:
            raise _error(said)
        envelope = opinions.applied(envelope, [accepted])
        if said is not None and inward is None:  # else others have taken it: it is in Rejects
            author = opinions.author
            await rejecting.keep(self._services, self._session, envelope, arrival, author)
            raise _error(said)
        return await self._letter(envelope, arrival, brought.letter, opinions.author)

    async def _letter(
        self, envelope: Envelope, arrival: Arrival, letter: Queued, author: str
    ) -> Taken:
        services, session = self._services, self._session
        ident, now, head = services.ids.next(), services.clock(), arrival.head
        onward = None
        if envelope.is_queued(now):
            onward = await forwarding.onward(
                services.directory, envelope, head, now, is_proven=letter.origin == VERIFIED
            )
        indexed = index(head, arrival.part)
        blob = await arrival.prepared(head)
        content = Content(blob, indexed, arrival.is_ascii, None, author)
        try:
            content = await editing.edited(
                services, session, envelope, arrival, content, ident, now
            )
            made = plan.letter(session, envelope, content, services.ids, ident, now, onward)
            made = await resending.added(services, session, envelope, content, made)
        except BaseException:
            await services.post.discard(blob, *content.more)
            raise
        if made.queued is not None:
            queued = msgspec.structs.replace(made.queued, account_id=letter.account_id)
            made = msgspec.structs.replace(made, queued=queued)
        message = decide.Message.of(envelope, arrival, session, None)
        return made, partial(answering.follow, services, message, ident)

    async def _envelope(self, message: Message) -> Envelope:
        text = message.letter.sender.decode("utf-8", "replace")
        try:
            sender = Address.parse(text) if text else None
        except AddressError:  # one of long ago; it stays as it is in the envelope
            sender = None
        if sender is not None and message.recipient.inward is not None:
            original = await forwarding.returned(
                self._services.directory, sender, self._services.clock(), is_notice=True
            )  # it was rewritten for those of them that are elsewhere
            if original is not None and original.address is not None:
                sender, text = original.address, str(original.address)
        envelope = _envelope(message, sender, text)
        full = await self._services.full(message.found.local)
        if full and not relay.is_full(envelope.accepted[0], full):
            envelope = msgspec.structs.replace(envelope, full=frozenset(full))
        return envelope


def _envelope(message: Message, sender: Address | None, text: str) -> Envelope:
    letter, found = message.letter, message.found
    address = found.name if not found.local else found.local[0].address
    orcpt = message.recipient.orcpt
    accepted = relay.accept(
        address,
        found,
        (found.local, found.remote),
        None if orcpt is None else orcpt.decode("utf-8", "replace"),
        message.recipient.notify,
    ).expanded()  # of this delivery its sender hears anyhow
    mail = Mail(
        sender,
        body="8BITMIME" if letter.eightbit else None,
        smtputf8=letter.smtputf8,
        ret=letter.ret,
        envid=None if letter.envid is None else letter.envid.decode("utf-8", "replace"),
        requiretls=letter.requiretls,
    )
    return Envelope(mail, text, None, [accepted], letter.origin == OURS)


def _error(said: Reply) -> Permanent | Temporary:
    kind = Permanent if said.is_permanent else Temporary
    return kind(" ".join(said.lines), code=said.code, status=said.status)
