"""One SMTP or LMTP session: what is allowed on MAIL, RCPT and at the end of data.

What is legal was settled by ``protocol.smtp``. Each method answers one command and leaves
a state from which the session can go on, whatever happened: a fault of ours is answered
451 and told to the operator, an unfinished message leaves neither file nor row.

RFC 5321 §3.3 (mail transactions), §4.2.5 (who is responsible after DATA), §6.3 (loops);
RFC 6409 §6.1 (whose sender addresses), RFC 1870 §6 (sizes), RFC 2033 §4.2 (LMTP).
"""

from collections.abc import Sequence
from typing import Final

from postroom.db.ids import to_text
from postroom.directory.expand import Local
from postroom.directory.login import Identity
from postroom.errors import MailError, OutcomeUnknown, StorageFull
from postroom.intake import (
    answering,
    decide,
    editing,
    examine,
    forwarding,
    plan,
    receipts,
    rejecting,
    relay,
    stopped,
    submission,
    verify,
)
from postroom.intake.arrival import Arrival
from postroom.intake.decide import Opinions
from postroom.intake.examine import Examination, Inquiry
from postroom.intake.gate import Visit
from postroom.intake.limits import MAX_COPIES, hop_fault
from postroom.intake.peer import Peer
from postroom.intake.plan import Content, Envelope
from postroom.intake.refusals import Refusals
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.intake.stamp import Session
from postroom.message import trace
from postroom.post.letter import Letter
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.replies import Reply, reply, reply_to
from postroom.telemetry import sink
from postroom.telemetry.events import MessageAccepted

DEFECTS: Final = {
    "too-big": replies.MESSAGE_TOO_BIG,
    "nul": reply(550, "5.6.0", "A message must not contain NUL"),
    "bare-newline": reply(550, "5.6.0", "Lines must end with CR LF; a CR or LF stands alone"),
}
MAIL_LOOP: Final = reply(554, "5.4.6", "The message has been delivered to this address before")
DISK_FULL: Final = reply_to(StorageFull())
_NOBODY: Final = Mail(None)


class Conversation:
    """Made by ``Intake.open``. Called by one task, one call at a time."""

    def __init__(self, services: Services, peer: Peer) -> None:
        self._services = services
        self._peer = peer
        self._session = Session(peer, services.hostname)
        self._identity: Identity | None = None
        self._refusals = Refusals(peer)
        self._mail: Mail | None = None
        self._sender = ""
        self._accepted: list[Accepted] = []
        self._copies = 0
        self._arrival: Arrival | None = None
        self._forgotten: list[Arrival] = []
        self._inquiry: Inquiry | None = None
        self._visit = Visit(services.gate, peer)

    @property
    def _may_relay(self) -> bool:
        return self._identity is not None or self._peer.relay

    @property
    def _may_ask(self) -> bool:
        return self._identity is not None or self._peer.trusted

    # -- commands

    async def greet(self, helo: str, esmtp: bool) -> Reply | None:
        """EHLO, HELO or LHLO. None: welcome."""
        self._session.helo = helo
        self._session.is_esmtp = esmtp
        self._visit.greet(helo)
        self.reset()
        return None

    async def authenticated(self, identity: Identity) -> None:
        """The peer has logged in."""
        self._identity = identity
        self._session.authenticated = True
        self._visit.excuse()

    async def mail(self, event: Mail) -> Reply:
        """A transaction begins, or why not."""
        try:
            refusal = await self._refused_sender(event)
        except Exception as error:  # noqa: BLE001 - our fault costs a retry, never the session
            return self._refusals.failed(error)
        if refusal is not None:
            return refusal
        self.reset()
        self._mail = event
        self._sender = "" if event.sender is None else str(event.sender)
        return replies.SENDER_OK

    async def rcpt(self, event: Rcpt) -> Reply:
        """One recipient, or why not."""
        try:
            return await self._rcpt(event)
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)

    async def data(self) -> Reply:
        """Content may come."""
        try:
            await self._clear()
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)
        return replies.START_CONTENT

    async def content(self, octets: bytes) -> None:
        """Some octets of the message."""
        arrival = self._arrival or self._begin()
        try:
            await arrival.take(octets)
        except Exception as error:  # noqa: BLE001 - the reply belongs to the end
            await arrival.refuse(self._refusals.failed(error))

    async def end(self, defect: str | None) -> list[Reply]:
        """The message is complete: one reply, or one a recipient over LMTP."""
        arrival = self._arrival or self._begin()
        envelope = Envelope(
            self._mail or _NOBODY,
            self._sender,
            None if self._identity is None else self._identity.account_id,
            self._accepted,
            self._may_relay,
        )
        try:
            answers = await self._end(envelope, arrival, defect)
        except OutcomeUnknown:
            raise  # the door cuts the connection: any reply could turn out to be untrue
        except Exception as error:  # noqa: BLE001 - nothing was promised
            answers = [self._refusals.failed(error)]
        finally:
            self._arrival = None
            self.reset()
            await arrival.abort()
        if self._peer.is_lmtp and len(answers) == 1:
            return answers * len(envelope.accepted)
        return answers

    def reset(self) -> None:
        """Forget the transaction; what was begun on disk goes with the next command."""
        if self._identity is not None and self._accepted:
            self._services.sending.give_back(self._identity.account_id, len(self._accepted))
        self._mail = None
        self._sender = ""
        self._accepted = []
        self._copies = 0
        if self._inquiry is not None:
            self._inquiry.close()
            self._inquiry = None
        if self._arrival is not None:
            self._forgotten.append(self._arrival)
            self._arrival = None

    async def close(self) -> None:
        """The session is over."""
        self.reset()
        self._visit.close()
        await self._clear()

    def spoke_early(self) -> bool:
        """The peer spoke before the greeting: whether it may go on all the same."""
        return self._visit.spoke_early()

    async def score(self, seconds: float) -> int:
        """How suspicious the peer is, as far as is known after so many seconds at most."""
        return await self._visit.score(seconds)

    # -- questions

    async def vrfy(self, argument: str) -> Reply:
        """RFC 5321 §3.5; strangers learn nothing."""
        if not self._may_ask:
            return verify.UNTOLD
        try:
            directory = self._services.directory
            return await verify.vrfy(directory, argument, may_relay=self._may_relay)
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)

    async def expn(self, argument: str) -> Reply:
        """RFC 5321 §3.5; strangers learn nothing."""
        if not self._may_ask:
            return verify.UNTOLD_LIST
        try:
            return await verify.expn(self._services.directory, argument)
        except Exception as error:  # noqa: BLE001 - see mail
            return self._refusals.failed(error)

    async def verb(self) -> Reply:
        """Replies give their reasons from here on; not to strangers."""
        if not self._may_ask:
            return replies.NOT_ALLOWED_HERE
        self._refusals.is_verbose = True
        return replies.VERBOSE_ON

    # -- decisions

    async def _refused_sender(self, event: Mail) -> Reply | None:
        services = self._services
        if event.size is not None and 0 < services.limits.max_message < event.size:
            return self._refusals.sender(event.sender, replies.MESSAGE_TOO_BIG)
        if not services.disk.has_room(event.size or 0):
            return self._refusals.sender(event.sender, DISK_FULL)
        identity = self._identity
        if identity is None:
            if self._peer.is_submission:
                return replies.LOGIN_FIRST
            over = self._visit.mail(event.sender)
            return None if over is None else self._refusals.sender(event.sender, *over)
        if event.sender is None:  # a read receipt: its From decides, at the end of data
            return None
        if await services.directory.may_send_as(identity.account_id, event.sender):
            return None
        return self._refusals.sender(event.sender, submission.NOT_YOURS, submission.NOT_GRANTED)

    async def _rcpt(self, event: Rcpt) -> Reply:
        services = self._services
        if len(self._accepted) >= services.limits.max_recipients:
            return replies.TOO_MANY_RECIPIENTS
        accepted = await self._judged(event)
        if isinstance(accepted, Reply):
            return accepted
        copies = self._copies + len(accepted.local) + len(accepted.remote)
        if copies > MAX_COPIES and self._accepted:
            return replies.TOO_MANY_RECIPIENTS
        if await self._is_full(accepted.local):
            return self._bad_recipient(event, relay.FULL, "an account is over its quota")
        refusal = await self._over_limit(event)
        if refusal is not None:
            return refusal
        unwanted = await self._visit.rcpt(self._sender, event.recipient, accepted.address)
        if unwanted is not None:
            return self._refusals.recipient(self._sender, event.recipient, *unwanted)
        self._copies = copies
        self._accepted.append(accepted)
        if self._inquiry is None:
            self._inquiry = examine.begin(
                services, self._peer, self._session.helo, self._sender, is_ours=self._may_relay
            )
        if self._refusals.is_verbose:
            return replies.RECIPIENT_OK.because(relay.reasons(accepted))
        return replies.RECIPIENT_OK

    async def _judged(self, event: Rcpt) -> Accepted | Reply:
        """Where the recipient's letters go, or why not there."""
        directory = self._services.directory
        recipient = event.recipient
        may_relay = self._may_relay
        if recipient is None:
            resolution = await directory.resolve_postmaster()
        else:
            returned = await forwarding.returned(
                directory, recipient, self._services.clock(), is_notice=not self._sender
            )
            if returned is not None:
                if returned.address is None:
                    return self._bad_recipient(event, returned.refusal, returned.reason)
                recipient, may_relay = returned.address, True
            resolution = await directory.resolve(recipient)
        found = relay.judge(recipient, resolution, may_relay=may_relay)
        if isinstance(found, Reply):
            over = self._visit.unknown() if found.is_permanent else None
            return self._bad_recipient(event, *(over or (found, relay.REASONS[resolution.kind])))
        local, remote = found
        return Accepted(
            local[0].address if local else resolution.name or str(event.recipient),
            local,
            remote,
            resolution.via,
            event.orcpt,
            event.notify,
            leads_on=bool(remote) and resolution.kind == "found",
        )

    async def _over_limit(self, event: Rcpt) -> Reply | None:
        """Hold one recipient of those that a person may write to; or why there is none left."""
        identity = self._identity
        if identity is None:
            return None
        denied = await self._services.sending.take(identity.account_id)
        if denied is None:
            return None
        if denied.is_first:
            await stopped.tell(self._services, identity, denied)
        return self._bad_recipient(event, stopped.refusal(identity, denied), stopped.REASON)

    def _bad_recipient(self, event: Rcpt, refusal: Reply, reason: str) -> Reply:
        return self._refusals.recipient(self._sender, event.recipient, refusal, reason)

    async def _is_full(self, local: Sequence[Local]) -> bool:
        for one in local:
            if one.quota and await self._services.store.is_full(one.account_id, one.quota):
                return True
        return False

    async def _end(self, envelope: Envelope, arrival: Arrival, defect: str | None) -> list[Reply]:
        if defect == "bare-newline" and self._identity is not None:
            defect = None  # the arrival has mended it
        refusal = DEFECTS[defect] if defect is not None else None
        if refusal is None:
            await arrival.finish()
            refusal = arrival.refusal or hop_fault(arrival.head, self._services.limits.hop_limit)
        if refusal is None and self._identity is not None:
            refusal = await submission.author_fault(
                self._services.directory, self._identity.account_id, arrival.head
            )
        if refusal is not None:
            return [self._refusals.message(envelope, arrival, refusal)]
        examination = None
        if self._inquiry is not None:
            suspicion = await self._visit.suspicion()
            examination = await self._inquiry.end(envelope, arrival, suspicion)
            self._session.host = examination.facts.authentication.name
        refused = await self._refused_recipients(envelope, arrival.head)
        if refused and not self._peer.is_lmtp:
            refusal = next(iter(refused.values()))
            return [self._refusals.message(envelope, arrival, refusal)]
        return await self._decided(envelope, arrival, examination, refused)

    async def _decided(
        self,
        envelope: Envelope,
        arrival: Arrival,
        examination: Examination | None,
        refused: dict[int, Reply],
    ) -> list[Reply]:
        """What each recipient says to the message, as far as it is not ``refused`` already."""
        message = decide.Message.of(envelope, arrival, self._session, examination)
        opinions = await decide.decide(self._services, message)
        if not refused and opinions is decide.ALL_KEEP:
            return [await self._commit(envelope, arrival, examination)]
        said = [refused.get(n) or opinions.of(one) for n, one in enumerate(envelope.accepted)]
        late = next((one for one in said if one is not None and not one.is_permanent), None)
        if late is not None and not self._peer.is_lmtp:
            return [self._refused(envelope, arrival, late, opinions, examination)]
        going = [
            one
            for n, one in enumerate(envelope.accepted)
            if n not in refused and ((answer := said[n]) is None or answer.is_permanent)
        ]
        envelope, author = opinions.applied(envelope, going), opinions.author
        answer = replies.LOCAL_ERROR
        if None in said:
            answer = await self._commit(envelope, arrival, examination, author)
        elif going:
            fields = () if examination is None else examination.fields
            await rejecting.keep(self._services, self._session, envelope, arrival, author, fields)
        if self._peer.is_lmtp:
            return [one or answer for one in said]
        refusal = None if None in said else said[0]
        if refusal is None:
            return [answer]
        return [self._refused(envelope, arrival, refusal, opinions, examination)]

    def _refused(
        self,
        envelope: Envelope,
        arrival: Arrival,
        refusal: Reply,
        opinions: Opinions,
        examination: Examination | None,
    ) -> Reply:
        if examination is not None:
            refusal = refusal.because(dict.fromkeys((*examination.notes, opinions.reason)))
        return self._refusals.message(envelope, arrival, refusal, opinions.reason)

    async def _refused_recipients(self, envelope: Envelope, head: bytes) -> dict[int, Reply]:
        """By their number: those the message has been to before; over LMTP, full accounts."""
        refused: dict[int, Reply] = {}
        before = {address.casefold() for address in trace.delivered_addresses(head)}
        for number, one in enumerate(envelope.accepted):
            is_ours = one.leads_on or bool(one.local)
            if is_ours and one.address.casefold() in before:
                refused[number] = MAIL_LOOP
            elif self._peer.is_lmtp and await self._is_full(one.local):
                refused[number] = relay.FULL
        return refused

    async def _commit(
        self,
        envelope: Envelope,
        arrival: Arrival,
        examination: Examination | None,
        author: str = "",
    ) -> Reply:
        services = self._services
        ident, now = services.ids.next(), services.clock()
        head, onward = arrival.head, None
        if self._identity is not None:
            head = submission.fixed(head, ident=ident, now=now, hostname=services.hostname)
        if envelope.due(now) > now or any(one.remote for one in envelope.accepted):
            onward = await forwarding.onward(services.directory, envelope, head, now)
        indexed = plan.indexed(envelope, arrival, head, now)
        stored, small = plan.stamped(self._session, envelope, head, ident, now), arrival.small_body
        if examination is not None:
            stored = b"".join((*examination.fields, stored))
        blob = await arrival.prepared(stored)
        try:
            octets = None if small is None else (stored, small)
            content = Content(blob, indexed, arrival.is_ascii, octets, author)
            content = await editing.edited(
                services, self._session, envelope, arrival, content, ident, now
            )
            letter = plan.letter(self._session, envelope, content, services.ids, ident, now, onward)
            if examination is not None:
                letter = examine.noted(letter, examination)
        except Exception:
            await services.post.discard(blob)
            raise
        try:
            await services.post.commit(letter)
        except OutcomeUnknown:
            raise
        except MailError as error:
            return self._refusals.message(envelope, arrival, reply_to(error), error.detail)
        if self._identity is not None:
            services.sent(self._identity.account_id, [one.address for one in envelope.accepted])
        collector = None if envelope.is_ours else services.collector
        if examination is not None and collector is not None and letter.copies:
            collector.offer(examination.facts, blob.id)
        answer = self._accepted_as(envelope, letter, content, examination)
        await receipts.send(services, envelope, head, ident, now)
        message = decide.Message.of(envelope, arrival, self._session, examination)
        await answering.follow(services, message, ident)
        return answer

    def _accepted_as(
        self,
        envelope: Envelope,
        letter: Letter,
        content: Content,
        examination: Examination | None,
    ) -> Reply:
        """Say that the letter is ours."""
        peer = self._peer
        queue_id = "" if letter.entry is None else to_text(letter.entry.id)
        sink.emit(
            MessageAccepted(
                session=peer.session,
                peer=peer.address,
                door=peer.door,
                queue_id=queue_id,
                sender=envelope.sender,
                recipients=len(envelope.accepted),
                size=content.size,
                message_id=content.indexed.message_id,
            )
        )
        answer = reply(250, "2.0.0", f"Accepted, id {queue_id}")
        if not self._refusals.is_verbose:
            return answer
        notes = () if examination is None else examination.notes
        return answer.because((*plan.reasons(letter), *notes))

    # -- the message that is coming

    def _begin(self) -> Arrival:
        self._arrival = Arrival(
            self._services.blobs,
            max_message=self._services.limits.max_message,
            mends=self._identity is not None,
            reader=None if self._inquiry is None else self._inquiry.seals,
        )
        return self._arrival

    async def _clear(self) -> None:
        """Remove what forgotten messages have left on disk."""
        while self._forgotten:
            await self._forgotten.pop().abort()
