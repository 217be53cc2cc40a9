"""Mail is examined: where it comes from, and what the stages of policy say.

    inquiry = begin(services, peer, helo, sender, is_ours=False)  # at the first recipient
    arrival = Arrival(.., reader=inquiry.seals)      # the body is hashed while it comes
    examination = await inquiry.end(envelope, arrival)

A stranger is whoever has neither logged in nor may relay, at a listener with
``checks = "full"``; loopback is one as well. The checks of SPF and of the client's name run
while the content comes. What comes over LMTP was taken by another server of ours, so nothing
can be told from its address: its signatures are checked and noted, DMARC is not judged.

Mail of who may send anywhere through us (it is "ours") is shown to those filters that the
settings name for it, and to nothing else. Mail that was fetched from an account elsewhere is
treated as that over LMTP is.

Whatever was found goes on top of the message (Authentication-Results), into the ledger and,
with VERB, into the reply. A stage that fails says nothing; that is told to the operator.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.errors import MailError
from postroom.intake.arrival import Arrival
from postroom.intake.peer import Peer
from postroom.intake.plan import Envelope
from postroom.intake.services import Services
from postroom.ledger.rows import Fact, clean
from postroom.mailauth import results
from postroom.policy.asking import Asking
from postroom.policy.facts import Authentication, Facts
from postroom.policy.origin import Client, Findings, Origin, Seals
from postroom.policy.suspicion import NONE, Suspicion
from postroom.policy.verdict import Stage, Verdict, gravest
from postroom.post.letter import Letter
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.replies import Reply
from postroom.telemetry import sink
from postroom.telemetry.event import session_of, trace_of
from postroom.telemetry.events import StorageTrouble
from postroom.telemetry.session_events import SessionFailed

MAX_NOTES: Final = 2_000  # characters of them in the ledger

_FINE: Final = Verdict(stage="")


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say of one message.

    ``fields`` go on top of it, the topmost first. ``notes`` are the results of the checks and
    the reasons of the stages, a line each. ``gravest`` is of what the stages say to everybody;
    what they say to single accounts stands in ``verdicts``.
    """

    facts: Facts
    verdicts: tuple[Verdict, ...] = ()
    gravest: Verdict = _FINE
    fields: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def refusal(self) -> Reply | None:
        """The reply to everybody, if the message is not taken; with the notes as reasons."""
        if self.gravest.action not in ("refuse", "defer"):
            return None
        return (self.gravest.reply or replies.LOCAL_ERROR).because(self.notes)


class Inquiry:
    """One message under examination. ``close`` it when the message does not come."""

    def __init__(
        self, services: Services, peer: Peer, helo: str, sender: str, *, is_ours: bool = False
    ) -> None:
        self._services = services
        self._stages = services.outgoing if is_ours else services.stages
        self._peer = peer
        self._helo = helo
        self._sender = sender
        self._seals: Seals | None = None
        self._asking: Asking | None = None
        self._origin: Origin | None = None
        if services.resolver is not None and services.authentication.verify and not is_ours:
            self._asking = Asking(services.resolver)
            client = Client(
                address=peer.origin,
                helo=helo,
                sender=sender,
                receiver=services.hostname,
            )
            self._origin = Origin(self._asking, client, now=services.clock() // 1000)
            self._origin.begin()

    def seals(self, head: bytes) -> Seals | None:
        """The header block has come: what the body is to be fed to."""
        if self._origin is not None:
            self._seals = Seals(head, now=self._services.clock() // 1000)
        return self._seals

    async def end(
        self, envelope: Envelope, arrival: Arrival, suspicion: Suspicion = NONE
    ) -> Examination:
        """The message has come whole, from somebody of whom there is this ``suspicion``."""
        services = self._services
        findings = await self._findings(arrival.head)
        found = Authentication() if findings is None else findings.authentication()
        facts = Facts(
            session=self._peer.session,
            address="" if self._peer.is_fetched else self._peer.address,
            helo=self._helo,
            tls=self._peer.tls,
            sender=self._sender,
            recipients=tuple([one.address for one in envelope.accepted]),
            accounts=tuple([one.account_id for one in envelope.local()]),
            head=arrival.head,
            part=arrival.part,
            sample=arrival.sample,
            is_whole=arrival.small_body is not None,
            size=arrival.stored_size,
            now=services.clock(),
            authentication=found,
            suspicion=suspicion,
            body=arrival.body,
        )
        verdicts = tuple([await self._judged(stage, facts) for stage in self._stages])
        if findings is not None and services.counts is not None:
            of_dmarc = [one for one in verdicts if one.stage == "dmarc"]
            services.counts.count(findings, (of_dmarc or [_FINE])[0].action)
        told = [] if findings is None else [one.words() for one in findings.results()]
        fields = [field for verdict in verdicts for field in verdict.fields]
        if findings is not None:
            fields.insert(0, results.write(services.hostname, told))
        notes = [" ".join(words) for words in told]
        notes += [f"{one.stage}: {one.reason}" for one in verdicts if one.reason]
        return Examination(
            facts=facts,
            verdicts=verdicts,
            gravest=gravest(verdicts) or _FINE,
            fields=tuple(fields),
            notes=tuple(notes),
        )

    def close(self) -> None:
        """Ask nothing more. Harmless at any time."""
        if self._asking is not None:
            self._asking.close()

    async def _findings(self, head: bytes) -> Findings | None:
        if self._origin is None:
            return None
        return await self._origin.finish(
            head,
            self._seals or Seals(head, now=self._services.clock() // 1000),
            trusted_sealers=self._services.authentication.trusted_sealers,
        )

    async def _judged(self, stage: Stage, facts: Facts) -> Verdict:
        try:
            return await stage.judge(facts)
        except MailError as error:
            sink.emit(StorageTrouble(where="checks", reason=error.detail or str(error)))
            return _FINE
        except Exception as error:  # noqa: BLE001 - an opinion less, not a message less
            sink.emit(SessionFailed(**session_of(self._peer), traceback=trace_of(error)))
            return _FINE


def begin(
    services: Services, peer: Peer, helo: str, sender: str, *, is_ours: bool
) -> Inquiry | None:
    """The inquiry into a message of this peer; None where nothing is asked.

    ``is_ours``: it is of somebody who may send anywhere through us.
    """
    if not peer.checks or (is_ours and not (services.outgoing or services.milters)):
        return None
    return Inquiry(services, peer, helo, sender, is_ours=is_ours)


def joined(examination: Examination, verdicts: Sequence[Verdict]) -> Examination:
    """With what others have said later."""
    together = (*examination.verdicts, *verdicts)
    notes = [f"{one.stage}: {one.reason}" for one in verdicts if one.reason]
    return msgspec.structs.replace(
        examination,
        verdicts=together,
        gravest=gravest(together) or _FINE,
        notes=(*examination.notes, *notes),
    )


def noted(letter: Letter, examination: Examination) -> Letter:
    """The letter, with what was found in its story."""
    entry = letter.entry
    if entry is None or not examination.notes:
        return letter
    detail = clean("; ".join(examination.notes), MAX_NOTES)
    fact = Fact(entry.id, 0, entry.at, "checked", "", detail=detail)
    return msgspec.structs.replace(letter, facts=(*letter.facts, fact))
