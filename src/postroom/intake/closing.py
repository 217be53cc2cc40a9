"""The end of data: what is answered to a message that has come whole, and what becomes of it.

RFC 5321 §4.2.5 (who is responsible after DATA), §6.3 (loops), RFC 2033 §4.2 (LMTP).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from postroom.db.ids import to_text
from postroom.errors import MailError, OutcomeUnknown
from postroom.intake import (
    answering,
    decide,
    editing,
    examine,
    forwarding,
    journaling,
    plan,
    receipts,
    rejecting,
    relay,
    resending,
    submission,
    suppressed,
)
from postroom.intake.arrival import Arrival
from postroom.intake.decide import Opinions
from postroom.intake.decision import Decision
from postroom.intake.examine import Examination, Inquiry
from postroom.intake.gate import Visit
from postroom.intake.limits import MAIL_LOOP, hop_fault
from postroom.intake.lists import posting
from postroom.intake.plan import Content, Envelope
from postroom.intake.refusals import Refusals
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.intake.stamp import Session
from postroom.message import trace
from postroom.policy.verdict import Verdict
from postroom.post.letter import Letter
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.replies import Reply, reply, reply_to
from postroom.telemetry import sink
from postroom.telemetry.event import session_of
from postroom.telemetry.session_events import MessageAccepted

if TYPE_CHECKING:
    from postroom.intake.milters import Milters

DEFECTS: Final = {
    "too-big": replies.MESSAGE_TOO_BIG,
    "nul": reply(550, "5.6.0", "A message must not contain NUL"),
    "bare-newline": reply(550, "5.6.0", "Lines must end with CR LF; a CR or LF stands alone"),
}
QUARANTINED: Final = reply(550, "5.7.1", "The message is quarantined")
"""What nobody is told: it stands for the refusal of those whose Rejects hold the message."""

NOBODY_LEFT: Final = Verdict(stage="milters", reason="they have removed every recipient")


class Party(msgspec.Struct, frozen=True):
    """Who brings it, and what has been said and asked so far."""

    session: Session
    refusals: Refusals
    visit: Visit
    inquiry: Inquiry | None
    milters: "Milters | None"


class Closing:
    """One message. ``replies`` is called once."""

    def __init__(
        self, services: Services, party: Party, envelope: Envelope, arrival: Arrival
    ) -> None:
        self._services = services
        self._party = party
        self._session = party.session
        self._peer = party.session.peer
        self._refusals = party.refusals
        self._envelope = envelope
        self._arrival = arrival
        self._examination: Examination | None = None
        self._is_held = False
        self._ident = 0 if party.milters is None else party.milters.ident

    async def replies(self, defect: str | None) -> list[Reply]:
        """One reply, or one a recipient over LMTP. Raises MailError and OutcomeUnknown."""
        refusal = await self._fault(defect)
        if refusal is not None:
            return [self._refusals.message(self._envelope, self._arrival, refusal)]
        inquiry = self._party.inquiry
        if inquiry is not None:
            suspicion = await self._party.visit.suspicion()
            found = await inquiry.end(self._envelope, self._arrival, suspicion)
            self._examination = found
            self._session.host = found.facts.authentication.name
        refused = await self._refused_recipients()
        if refused and not self._peer.is_lmtp:
            refusal = next(iter(refused.values()))
            return [self._refusals.message(self._envelope, self._arrival, refusal)]
        milters = self._party.milters
        if milters is None or not milters.is_asked:
            return await self._decided(refused)
        return await self._judged(milters, refused)

    async def _fault(self, defect: str | None) -> Reply | None:
        """Why the message is none that can be taken."""
        arrival, account_id = self._arrival, self._envelope.account_id
        if defect == "bare-newline" and self._envelope.is_ours:
            defect = None  # the arrival has mended it
        if defect is not None:
            return DEFECTS[defect]
        await arrival.finish()
        refusal = arrival.refusal or hop_fault(arrival.head, self._services.limits.hop_limit)
        if refusal is None and account_id is not None:
            return await submission.author_fault(self._services.directory, account_id, arrival.head)
        return refusal

    async def _judged(self, milters: "Milters", refused: dict[int, Reply]) -> list[Reply]:
        """What becomes of the message once milters have heard all of it and have changed it."""
        found = self._examination
        if found is None or found.refusal is not None:
            return await self._decided(refused)
        head = self._whole(self._arrival.head, self._ident, self._services.clock())
        said = await milters.end(self._envelope, self._arrival, head)
        notes = () if said.envelope.accepted or said.discarded else (NOBODY_LEFT,)
        found = self._examination = examine.joined(found, (*said.verdicts, *notes))
        if found.refusal is not None:
            return await self._decided(refused)
        brought: Sequence[Accepted] = self._envelope.accepted
        left = said.envelope.accepted
        self._envelope = said.envelope
        if said.discarded or not left:
            nobody = msgspec.structs.replace(said.envelope, accepted=())
            return [await self._commit(nobody)]
        if said.quarantined:
            return [await self._commit(self._quarantined(said.quarantined))]
        places = {id(one): n for n, one in enumerate(left)}
        still = {places[id(brought[n])]: o for n, o in refused.items() if id(brought[n]) in places}
        answers = await self._decided(still)
        if len(answers) == 1:
            return answers
        taken = next((one for one in answers if one.is_positive), replies.OK)
        return [answers[places[id(one)]] if id(one) in places else taken for one in brought]

    def _quarantined(self, reason: str) -> Envelope:
        """Nobody gets it: it is in the Rejects of people here, and held for everybody else."""
        self._is_held = True
        decision = Decision((), QUARANTINED, reason, is_held=True)
        decisions = {one.account_id: decision for one in self._envelope.local()}
        return msgspec.structs.replace(self._envelope, decisions=decisions)

    async def _decided(self, refused: dict[int, Reply]) -> list[Reply]:
        """What each recipient says to the message, as far as it is not ``refused`` already."""
        envelope = self._envelope
        opinions = await decide.decide(self._services, self._message(envelope))
        if not refused and opinions is decide.ALL_KEEP:
            return [await self._commit(envelope)]
        said = [refused.get(n) or opinions.of(one) for n, one in enumerate(envelope.accepted)]
        late = next((one for one in said if one is not None and not one.is_permanent), None)
        if late is not None and not self._peer.is_lmtp:
            return [self._refused(late, opinions)]
        going = [
            one
            for n, one in enumerate(envelope.accepted)
            if n not in refused and ((answer := said[n]) is None or answer.is_permanent)
        ]
        envelope, author = opinions.applied(envelope, going), opinions.author
        answer = replies.LOCAL_ERROR
        if None in said:
            answer = await self._commit(envelope, author)
        elif going:
            fields = () if self._examination is None else self._examination.fields
            await rejecting.keep(
                self._services, self._session, envelope, self._arrival, author, fields
            )
        if self._peer.is_lmtp:
            return [one or answer for one in said]
        refusal = None if None in said else said[0]
        return [answer if refusal is None else self._refused(refusal, opinions)]

    def _message(self, envelope: Envelope) -> decide.Message:
        return decide.Message.of(envelope, self._arrival, self._session, self._examination)

    def _refused(self, refusal: Reply, opinions: Opinions) -> Reply:
        if self._examination is not None:
            reasons = dict.fromkeys((*self._examination.notes, opinions.reason))
            refusal = refusal.because(reasons)
        return self._refusals.message(self._envelope, self._arrival, refusal, opinions.reason)

    async def _refused_recipients(self) -> dict[int, Reply]:
        """By their number: those the message has been to before, and those that are full by now.

        Over SMTP the commit finds a single account full; of several behind an address the others
        need not wait for it.
        """
        refused: dict[int, Reply] = {}
        before = {one.casefold() for one in trace.delivered_addresses(self._arrival.head)}
        for number, one in enumerate(self._envelope.accepted):
            is_ours = one.leads_on or bool(one.local)
            if is_ours and one.address.casefold() in before:
                refused[number] = MAIL_LOOP
            elif self._peer.is_lmtp or (one.local and len(one.local) + len(one.remote) > 1):
                full = await self._services.full(one.local)
                is_waiting = self._envelope.full.issuperset(full)
                if full and relay.is_full(one, full) and not is_waiting:
                    refused[number] = relay.FULL
                elif full:
                    more = self._envelope.full.union(full)
                    self._envelope = msgspec.structs.replace(self._envelope, full=more)
        return refused | await self._refused_lists()

    async def _refused_lists(self) -> dict[int, Reply]:
        """Those that take no such post; while others take it, the queue tells its sender."""
        accepted, found = self._envelope.accepted, self._examination
        if not any(one.list_id for one in accepted):
            return {}
        refused = await posting.refused(
            self._services,
            self._envelope,
            self._arrival,
            is_junk=found is not None and found.gravest.action == "junk",
            is_proven=self._is_proven,
        )
        return refused if self._peer.is_lmtp or len(refused) == len(accepted) else {}

    def _whole(self, head: bytes, ident: int, now: int) -> bytes:
        """With what a message of somebody here has to have (``intake.submission``)."""
        if self._envelope.account_id is None:
            return head
        return submission.fixed(head, ident=ident, now=now, hostname=self._services.hostname)

    @property
    def _is_proven(self) -> bool:
        """Whether the message is from the domain of its sender."""
        domain = self._envelope.sender.rpartition("@")[2]
        found = self._examination
        return found is not None and found.facts.authentication.proves(domain)

    async def _commit(self, envelope: Envelope, author: str = "") -> Reply:
        services, arrival, examination = self._services, self._arrival, self._examination
        ident, now = self._ident or services.ids.next(), services.clock()
        head, onward = self._whole(arrival.head, ident, now), None
        if envelope.is_queued(now):
            onward = await forwarding.onward(
                services.directory, envelope, head, now, is_proven=self._is_proven
            )
            onward = await suppressed.marked(services, self._peer, envelope, head, ident, onward)
            if self._is_held:
                onward = msgspec.structs.replace(onward, is_held=True)
        indexed = plan.indexed(envelope, arrival, head, now)
        small = arrival.small_body
        clean = arrival.cleaned(head, services.hostname)
        stored = plan.stamped(self._session, envelope, clean, ident, now)
        if examination is not None:
            stored = b"".join((*examination.fields, stored))
        octets = None if small is None else (stored, small)
        blob = await arrival.prepared(stored)
        content = Content(blob, indexed, arrival.is_ascii, octets, author)
        try:
            content = await editing.edited(
                services, self._session, envelope, arrival, content, ident, now
            )
            letter = plan.letter(self._session, envelope, content, services.ids, ident, now, onward)
            letter = await resending.added(services, self._session, envelope, content, letter)
            letter = await journaling.added(
                services, envelope, letter, stored, is_ascii=arrival.is_ascii
            )
            if examination is not None:
                letter = examine.noted(letter, examination)
        except BaseException:
            await services.post.discard(blob, *content.more)
            raise
        try:
            await services.post.commit(letter)
        except OutcomeUnknown:
            raise
        except MailError as error:
            return self._refusals.message(envelope, arrival, reply_to(error), error.detail)
        self._party.visit.accepted(len(envelope.accepted))
        answer = self._accepted_as(envelope, letter, content)
        await self._follow(envelope, letter, blob.id, head, now)
        return answer

    async def _follow(
        self, envelope: Envelope, letter: Letter, blob_id: int, head: bytes, now: int
    ) -> None:
        """What comes of a letter that is ours."""
        services, examination = self._services, self._examination
        if envelope.account_id is not None:
            services.sent(envelope.account_id, [one.address for one in envelope.accepted])
        collector = None if envelope.is_ours else services.collector
        if examination is not None and collector is not None and letter.copies:
            collector.offer(examination.facts, blob_id)
        ident = 0 if letter.entry is None else letter.entry.id
        await receipts.send(services, envelope, head, ident, now)
        if envelope.decisions:
            await answering.follow(services, self._message(envelope), ident)

    def _accepted_as(self, envelope: Envelope, letter: Letter, content: Content) -> Reply:
        """Say that the letter is ours."""
        peer, examination = self._peer, self._examination
        queue_id = "" if letter.entry is None else to_text(letter.entry.id)
        sink.emit(
            MessageAccepted(
                **session_of(peer),
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
