"""What goes out once a message is ours, because a script asked for it: answers and notices.

A vacation answers nobody who is no person (``sieve.vacation.objection``), nothing that is
judged junk, and each sender once in its period for each answer: the claim is stored before the
answer goes out. All of these have the null reverse-path, and one address gets so many an hour.

A script that refused a message which others took can't be heard in the reply. A notice tells
its sender, but only one that is proven: to anybody else it would be backscatter (threat Q2).

Nothing here touches the message: whatever fails is told to the operator, and the 250 stands.

RFC 5230, RFC 3834, RFC 5435, RFC 5429 §2.1.1, RFC 7352 §3, RFC 8580 (``:fcc``).
"""

import msgspec

from postroom.address import Address, AddressError
from postroom.db.ids import to_text
from postroom.directory.expand import Local
from postroom.directory.persona import Persona
from postroom.errors import MailError
from postroom.intake.decide import Message
from postroom.intake.decision import Decision
from postroom.intake.outcomes import filing_of
from postroom.intake.plan import placed
from postroom.intake.services import Services
from postroom.intake.sieving import SEEN
from postroom.ledger import rows as ledger
from postroom.ledger.rows import Fact, folded
from postroom.message import dates
from postroom.message.dsn import Report, ReportedRecipient, compose
from postroom.post import journal, notice
from postroom.protocol.smtp.replies import Reply
from postroom.sieve import notices, vacation
from postroom.sieve.actions import FileInto, Notify, Vacation
from postroom.sieve.letter import Letter
from postroom.store import memory
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.events import NoticeSuppressed
from postroom.telemetry.session_events import SessionFailed

ANSWERED = "answered "  # before keys of vacations in ``store.memory``


async def follow(services: Services, message: Message, ident: int) -> None:
    """Do it for a message that was taken as ``ident``. Never raises."""
    decisions = message.envelope.decisions
    for one in message.envelope.local() if decisions else ():
        decided = decisions.get(one.account_id)
        if decided is None or not (decided.answers or decided.remember or decided.is_personal):
            continue
        account = _Account(services, message, one, decided, ident)
        try:
            await account.follow()
        except MailError as error:
            account.suppressed(message.envelope.sender, error.detail or str(error))
        except Exception as error:  # noqa: BLE001 - the message is ours; its answer stays 250
            sink.emit(SessionFailed(traceback=trace_of(error)))


class _Account:
    """One account, whose script ran on one message."""

    def __init__(
        self, services: Services, message: Message, one: Local, decided: Decision, ident: int
    ) -> None:
        self._services = services
        self._message = message
        self._one = one
        self._decided = decided
        self._ident = ident

    async def follow(self) -> None:
        """Everything that its decision asks for. Raises MailError."""
        now = self._services.clock()
        for seen in self._decided.remember:
            until = now + 1000 * seen.seconds
            await self._services.store.write(
                memory.remember, self._one.account_id, SEEN + seen.key, until
            )
        if self._decided.refusal is not None and self._decided.is_personal:
            await self._refused(self._decided.refusal, now)
        for action in self._decided.answers:
            if isinstance(action, Vacation):
                await self._answer(action, now)
            else:
                await self._notify(action, now)

    def suppressed(self, recipient: str, reason: str) -> None:
        """Tell the operator that something did not go out."""
        sink.emit(
            NoticeSuppressed(queue_id=to_text(self._ident), recipient=recipient, reason=reason)
        )

    @property
    def _letter(self) -> Letter:
        arrival = self._message.arrival
        return Letter(
            head=arrival.head,
            part=arrival.part,
            body=b"",
            is_whole=False,
            size=arrival.stored_size,
            sender=self._message.envelope.sender,
            recipient=self._one.address,
        )

    async def _own(self) -> tuple[Persona, tuple[str, ...]]:
        """The addresses of the account, first the one that the message came for."""
        persona = await self._services.directory.persona_of(self._one.account_id)
        mine = [one for one in persona.addresses if one.casefold() == self._one.address.casefold()]
        return persona, tuple(dict.fromkeys((*mine, *persona.addresses)))

    async def _answer(self, action: Vacation, now: int) -> None:
        services, letter = self._services, self._letter
        persona, own = await self._own()
        objection = vacation.objection(letter, action, own, persona.separators)
        if self._decided.is_junk:
            objection = "the message is judged junk"
        if not own:
            return
        unanswered = f"does not answer that {own[0]} is away: "
        if objection is not None:
            await self._told(unanswered + objection, now)
            return
        key = f"{ANSWERED}{action.key} {letter.sender.casefold()}"
        until = now + 1000 * action.seconds
        if action.seconds and not await services.store.write(
            memory.claim, self._one.account_id, key, now, until
        ):
            await self._told(f"{unanswered}{letter.sender} has the answer already", now)
            return
        octets = vacation.reply(
            letter, action, own=own, date=dates.write(now), message_id=self._message_id()
        )
        if await self._sent(letter.sender, octets):
            await self._told(f"answered that {own[0]} is away", now)
            if action.fcc is not None:
                await self._keep(action.fcc, octets)
        else:
            await self._told(f"{unanswered}nothing can be sent to {letter.sender} now", now)

    async def _told(self, detail: str, now: int) -> None:
        """One more fact of the message's story."""
        one = self._one
        fact = Fact(
            self._ident, self._services.ids.next(), now, "noted", folded(one.address),
            one.account_id, detail=detail,
        )  # fmt: skip
        await self._services.store.write(ledger.note, [fact])

    async def _notify(self, action: Notify, now: int) -> None:
        _, own = await self._own()
        if notices.objection(self._letter) is not None or self._decided.is_junk or not own:
            return
        octets = notices.notice(
            action,
            own=own,
            date=dates.write(now),
            message_id=self._message_id(),
            owner=own[0],
        )
        for recipient in dict.fromkeys((*action.to, *action.cc)):
            await self._sent(recipient, octets)
        if action.fcc is not None:
            await self._keep(action.fcc, octets)

    async def _refused(self, refusal: Reply, now: int) -> None:
        envelope, found = self._message.envelope, self._message.authentication
        domain = envelope.sender.rpartition("@")[2]
        is_proven = found.dmarc == "pass" and found.author == domain
        if not envelope.sender or not (is_proven or envelope.is_ours):
            return
        said = f"{refusal.code} {refusal.status} {' '.join(refusal.lines)}"
        octets = compose(
            Report(
                kind="failed",
                reporting_mta=self._services.hostname,
                postmaster=notice.postmaster_of(self._one.address, self._services.hostname),
                to=envelope.sender,
                recipients=[
                    ReportedRecipient(
                        final=self._one.address,
                        action="failed",
                        status=refusal.status,
                        diagnostic=said,
                    )
                ],
                head=self._message.arrival.head,
                message_id=self._message_id(),
                date=now,
                arrival_date=now,
            )
        )
        await self._sent(envelope.sender, octets)

    def _message_id(self) -> str:
        return f"{to_text(self._services.ids.next())}@{self._services.hostname}"

    async def _sent(self, recipient: str, octets: bytes) -> bool:
        """Whether it is on its way."""
        services = self._services
        try:
            address = Address.parse(recipient)
        except AddressError as error:
            self.suppressed(recipient, str(error))
            return False
        if not services.budget.allows(recipient):
            self.suppressed(recipient, "there were too many notices to it in this hour")
            return False
        letter = await journal.addressed(
            services, services.directory, address, octets, speaker=self._one.address
        )
        if letter is not None:
            await services.post.commit(letter)
        return letter is not None

    async def _keep(self, fcc: FileInto, octets: bytes) -> None:
        """File a copy of what was sent."""
        services, one = self._services, self._one
        filing = await filing_of(fcc, one.account_id, services.store)
        letter = notice.written(services, octets, local=[one])
        (copy,) = letter.copies
        filed = placed(
            msgspec.structs.replace(copy, prefix=b"", size=len(octets)), filing, services.ids
        )
        await services.post.commit(msgspec.structs.replace(letter, copies=(filed,), entry=None))
