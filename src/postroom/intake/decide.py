r"""From verdicts on a message to what each account here does with it.

Asked in this order, and the first that says something decides:

1. What a stage (``policy``) refuses or puts off, for everybody or for this account. No list
   of a person outweighs that: it is malware, a forged sender, or a rule of the site.
2. The account's block list, by the reverse-path and by who stands in From: refused.
3. Its allow list: never junk. It counts only when the domain it names is proven, by DMARC, or
   by SPF or DKIM for that domain or one above it; anybody can write any From.
4. Its rules and its Sieve script (``sieving``, ``outcomes``): what they say goes before 5.
5. A verdict of "junk": into the mailbox with the use \Junk, the reason on top of the message.
6. A subaddress that names one of its mailboxes: there.

A stage that puts the message off for one account puts it off for all of them: the sender gets
one answer (RFC 5321 §4.1.1.4), and nothing may be filed twice when it comes again.
"""

from collections.abc import Sequence, Set as AbstractSet
from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.directory.expand import Local
from postroom.directory.filters import Filter, may_answer
from postroom.directory.senders import Senders
from postroom.intake import decision, sieving
from postroom.intake.arrival import Arrival
from postroom.intake.decision import INBOX, JUNK, KEEP, Decision, Decisions, Filing
from postroom.intake.examine import Examination
from postroom.intake.outcomes import decision_of
from postroom.intake.plan import Envelope
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.intake.sieving import Subject
from postroom.intake.stamp import Session
from postroom.message import addresses, headers, trace
from postroom.message.index import one_line
from postroom.policy.facts import Authentication
from postroom.policy.verdict import Verdict, gravest
from postroom.protocol.smtp.replies import Reply, reply
from postroom.sieve.actions import Keep, Outcome, Vacation
from postroom.store import mailboxes

BLOCKED: Final = reply(550, "5.7.1", "The recipient accepts no mail from this sender")
REFUSED: Final = reply(550, "5.7.1", "The message is refused")
PUT_OFF: Final = reply(451, "4.7.1", "The message can't be checked now, please try again later")

_NOT_JUNK: Final = 89  # percent, at most
_CIRCLE: Final = "kept: its script redirects it in a circle"
MAX_AUTHORS: Final = 100  # addresses in From that are looked up in lists
_MAX_FROM: Final = 10_000  # octets of it that are read


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions go by. ``fields`` go on top of it, whoever gets it."""

    envelope: Envelope
    arrival: Arrival
    session: Session
    verdicts: Sequence[Verdict] = ()
    authentication: Authentication = Authentication()
    fields: tuple[bytes, ...] = ()

    @classmethod
    def of(
        cls, envelope: Envelope, arrival: Arrival, session: Session, found: Examination | None
    ) -> "Message":
        """One that has come; ``found`` is None for what is not examined."""
        if found is None:
            return cls(envelope=envelope, arrival=arrival, session=session)
        return cls(
            envelope=envelope,
            arrival=arrival,
            session=session,
            verdicts=found.verdicts,
            authentication=found.facts.authentication,
            fields=found.fields,
        )


class Opinions(msgspec.Struct, frozen=True):
    """What everybody does with one message.

    ``refusal`` is what the stages say to those who have no account here, with its ``told``
    reason. ``author`` is who stands in From, for people, when any account refuses the message.
    ``redirected`` are addresses here, each after the account that redirects to it.
    """

    decisions: Decisions = decision.NONE
    refusal: Reply | None = None
    author: str = ""
    told: str = ""
    redirected: tuple[tuple[int, Accepted], ...] = ()

    @property
    def reason(self) -> str:
        """Why the message is refused, for the log: what the first account that refuses says."""
        refusing = [one for one in self.decisions.values() if one.refusal is not None]
        return refusing[0].reason if refusing else self.told

    def applied(self, envelope: Envelope, going: Sequence[Accepted]) -> Envelope:
        """The envelope for those of its recipients who are ``going`` to get the message.

        An account that redirects it is an address that leads on.
        """
        places: dict[int, int] = {}  # which of them an account gets it by
        names: dict[int, str] = {}
        for place, one in enumerate(going):
            for local in one.local:
                places.setdefault(local.account_id, place)
                names.setdefault(local.account_id, local.address)
        redirected = []
        for account_id, target in self.redirected:
            if account_id in places:
                redirected.append(target)
                for local in target.local:
                    places.setdefault(local.account_id, places[account_id])
                    names.setdefault(local.account_id, local.address)
        onward: dict[int, dict[str, None]] = {}
        for account_id, place in places.items():
            for address in self.decisions.get(account_id, KEEP).redirects:
                onward.setdefault(place, {})[address] = None
        led = list(going)
        for place, found in onward.items():
            remote = tuple(dict.fromkeys((*led[place].remote, *found)))
            led[place] = msgspec.structs.replace(led[place], remote=remote, leads_on=True)
        resent = [
            (name, one)
            for account_id, name in names.items()
            for one in self.decisions.get(account_id, KEEP).resends
        ]
        return msgspec.structs.replace(
            envelope,
            accepted=led,
            decisions=self.decisions,
            redirected=redirected,
            resent=resent,
        )

    def of(self, one: Accepted) -> Reply | None:
        """The answer to a recipient who does not get the message; None when it goes anywhere.

        An alias answers for its members: it refuses when all of them do, and puts the
        message off when one of them does.
        """
        refusals = [self.decisions.get(local.account_id, KEEP).refusal for local in one.local]
        if one.remote:
            refusals.append(self.refusal)
        late = next((said for said in refusals if said and not said.is_permanent), None)
        if late is not None or None in refusals:
            return late
        return refusals[0] if refusals else None


ALL_KEEP: Final = Opinions()


async def decide(services: Services, message: Message) -> Opinions:
    """What each account does with the message, and who else. Raises MailError."""
    verdicts = [one for one in message.verdicts if one.action != "pass" or one.personal]
    decisions: dict[int, Decision] = {}
    redirected: list[tuple[int, Accepted]] = []
    local = message.envelope.local()
    if not local and not verdicts:
        return ALL_KEEP
    for one in local:
        decided = await _decision(services, message, one, verdicts)
        if decided is not KEEP:
            decisions[one.account_id] = decided
    for one, _ in message.envelope.put_off():  # its script runs when there is room
        senders = await services.directory.senders_of(one.account_id)
        decided = _decided(message, one, verdicts, senders)
        if decided is not KEEP:
            decisions[one.account_id] = decided
    if any(one.redirects for one in decisions.values()):
        known = {one.account_id for one in local} | message.envelope.full
        redirected = await _redirected(services, message, verdicts, decisions, known)
    grave = gravest(verdicts)
    refusal = None if grave is None else _refusal(grave)
    told = "" if grave is None else f"{grave.stage}: {grave.reason}"
    if not decisions and refusal is None:
        return ALL_KEEP
    author = ""
    if any(one.refusal is not None for one in decisions.values()):
        author = one_line(headers.values(message.arrival.head, b"from"))
    return Opinions(decisions, refusal, author, told, tuple(redirected))


async def _decision(
    services: Services, message: Message, one: Local, verdicts: Sequence[Verdict]
) -> Decision:
    directory = services.directory
    senders = await directory.senders_of(one.account_id)
    decided = KEEP
    if verdicts or senders is not None:
        decided = _decided(message, one, verdicts, senders)
    if one.detail and services.filing.subaddress and decided.filings == (INBOX,):
        decided = await _detailed(services, one, one.detail, decided)
    script = await directory.filter_of(one.account_id)
    if script is not None and decided.refusal is None:
        decided = await _filtered(services, message, one, script, decided)
    return decided


async def _redirected(
    services: Services,
    message: Message,
    verdicts: Sequence[Verdict],
    decisions: dict[int, Decision],
    known: set[int],
) -> list[tuple[int, Accepted]]:
    """Accounts here that scripts redirect the message to, each after who does so.

    They decide for themselves, each once, so that no circle is endless; who would redirect it to
    nobody new keeps it. An address that is not here, is full or puts the message off stays with
    ``redirects``: it waits in the queue.
    """
    found: list[tuple[int, Accepted]] = []
    waiting = list(decisions)
    while waiting:
        account_id = waiting.pop(0)
        decided = decisions[account_id]
        elsewhere, is_reached = [], False
        for address in decided.redirects:
            target = await _target(services, address, known)
            fresh = [] if target is None else [o for o in target.local if o.account_id not in known]
            theirs = {o: await _decision(services, message, o, verdicts) for o in fresh}
            if target is None or any(_is_late(one) for one in theirs.values()):
                elsewhere.append(address)
                continue
            is_reached = is_reached or bool(fresh)
            for one, said in theirs.items():
                known.add(one.account_id)
                if said is not KEEP:
                    decisions[one.account_id] = said
                    waiting.append(one.account_id)
            if fresh:
                found.append((account_id, msgspec.structs.replace(target, local=tuple(fresh))))
        if decided.redirects:
            decided = msgspec.structs.replace(decided, redirects=tuple(elsewhere))
            is_reached = is_reached or bool(decided.resends)
            if not (decided.filings or elsewhere or is_reached):  # a circle; nothing is lost
                decided = msgspec.structs.replace(decided, filings=(INBOX,), reason=_CIRCLE)
            decisions[account_id] = decided
    return found


async def _target(services: Services, address: str, known: AbstractSet[int]) -> Accepted | None:
    """The accounts behind an address, if it leads to such only and they have room.

    Those that are ``known`` get the message anyhow.
    """
    resolution = await services.directory.resolve(Address.parse(address))
    if resolution.kind != "found" or resolution.remote or not resolution.local:
        return None
    if await services.full([one for one in resolution.local if one.account_id not in known]):
        return None
    return Accepted(resolution.local[0].address, resolution.local, ())


def _is_late(decided: Decision) -> bool:
    return decided.refusal is not None and not decided.refusal.is_permanent


async def _detailed(services: Services, one: Local, detail: str, base: Decision) -> Decision:
    """The decision for mail to a subaddress: the mailbox that it names, if there is one."""
    found = await services.store.read(mailboxes.by_detail, one.account_id, detail)
    if found is None:
        return base
    return msgspec.structs.replace(base, filings=(Filing(found.name),))


async def _filtered(
    services: Services, message: Message, one: Local, found: Filter, base: Decision
) -> Decision:
    """The decision after the rules, the script and the vacation of an account."""
    subject = Subject(
        services=services,
        arrival=message.arrival,
        sender=message.envelope.sender,
        is_submitted=message.envelope.account_id is not None,
        top=b"".join(message.fields),
        address=message.session.peer.address,
        helo=message.session.helo,
        virus=max((one.virus for one in message.verdicts if one.virus), default=None),
    )
    persona = await services.directory.persona_of(one.account_id)
    spam = _percent(message, one, is_junk=base.is_junk)
    outcome = Outcome(actions=(Keep(is_implicit=True),))
    if found.script is not None:
        outcome = await sieving.outcome(
            subject, one, found.script, persona, own=base.fields, spam=spam, octets=found.octets
        )
    if found.vacation is not None and may_answer(outcome):
        away = await sieving.outcome(
            subject, one, found.vacation, persona, own=base.fields, spam=spam, octets=found.octets
        )
        answers = [action for action in away.actions if isinstance(action, Vacation)]
        outcome = msgspec.structs.replace(outcome, actions=(*outcome.actions, *answers))
    return await decision_of(
        outcome,
        base,
        script=found.name,
        account_id=one.account_id,
        store=services.store,
        seen=subject.head(base.fields),
    )


def _percent(message: Message, one: Local, *, is_junk: bool) -> int | None:
    """How likely it is spam, for RFC 5235: ten percent a point; what is junk is surely so."""
    if not message.verdicts:
        return None
    score = sum([verdict.of(one.account_id).score for verdict in message.verdicts])
    return 100 if is_junk else max(0, min(_NOT_JUNK, round(10 * score)))


def _decided(
    message: Message, one: Local, verdicts: Sequence[Verdict], senders: Senders | None
) -> Decision:
    own = [verdict.of(one.account_id) for verdict in verdicts]
    grave = gravest(own)
    if grave is not None and (refusal := _refusal(grave)) is not None:
        return Decision((), refusal, f"{grave.stage}: {grave.reason}", kind=grave.kind)
    senders = senders or Senders()
    people = _people(message) if senders.blocked or senders.allowed else []
    for address in people:
        if pattern := senders.blocking(address):
            return Decision((), BLOCKED, f"{pattern} is on the block list")
    if grave is None or grave.action != "junk":
        return KEEP
    told = "; ".join([f"{verdict.stage}: {verdict.reason}" for verdict in own if verdict.reason])
    for address in people:
        pattern = senders.allowing(address)
        if pattern and message.authentication.proves(address.rpartition("@")[2]):
            return Decision(reason=f"not junk, {pattern} is on the allow list ({told})")
    score = sum([verdict.score for verdict in own])
    fields = trace.junk(told, score)
    return Decision((JUNK,), None, f"junk: {told}", fields, is_junk=True, score=score)


def _refusal(grave: Verdict) -> Reply | None:
    if grave.action == "refuse":
        return grave.reply or REFUSED
    if grave.action == "defer":
        return grave.reply or PUT_OFF
    return None


def _people(message: Message) -> list[str]:
    """The reverse-path, then who stands in From: addresses with their domain in A-labels."""
    found = [message.envelope.sender] if message.envelope.sender else []
    for value in headers.values(message.arrival.head, b"from"):
        for one in addresses.mailboxes(addresses.parse(value[:_MAX_FROM], MAX_AUTHORS)):
            try:
                local, domain = one.local.decode(), one.domain.decode()
                found.append(str(Address.parse(f"{local}@{domain}")))
            except (AddressError, UnicodeDecodeError):
                continue
    return list(dict.fromkeys(found))
