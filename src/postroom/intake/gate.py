"""The gate: who of those that bring mail may speak, how fast, and with what suspicion.

A ``Visit`` is one connection of a stranger. What the DNS tells of it (its name, lists that have
it) is asked for when it connects, and waited for only where something depends on it: when it is
to wait for its greeting, at RCPT where somebody listed is refused or put off, and at the end of
a message. Names that can't be looked up speak for nobody and against nobody.

Strangers have neither logged in nor may relay, at an SMTP door with ``checks = "full"``. Networks of
``connections.exempt`` are left alone. So is loopback, but for its listings: a connection from
127.0.0.2, which every list holds (RFC 5782 §5), shows whether the lists work.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from postroom.address import Address
from postroom.config.connections import Connections
from postroom.db.database import Database
from postroom.intake.peer import Peer
from postroom.mailauth import iprev
from postroom.mailauth.lookups import Check
from postroom.net.addresses import Network, is_public
from postroom.net.networks import is_loopback, read
from postroom.policy import greylist_rows, helo as helo_names
from postroom.policy.asking import Asked as Question, Asking, Names
from postroom.policy.bans import Bans
from postroom.policy.blocklists import Blocklist, Listing
from postroom.policy.greylist import Greylist
from postroom.policy.rates import Counters, Over
from postroom.policy.suspicion import NONE, Mark, Suspicion
from postroom.policy.tarpit import Tarpit
from postroom.protocol.smtp.replies import Reply
from postroom.telemetry import sink
from postroom.telemetry.event import session_of, trace_of
from postroom.telemetry.session_events import (
    PeerBanned,
    PeerSuspected,
    RateExceeded,
    RecipientGreylisted,
    SessionFailed,
)

EARLY: Final = Mark("it spoke before the greeting", 3)
NAMELESS: Final = Mark("its address has no name", 1)
ASTRAY: Final = Mark("the name of its address does not lead back", 1)
ALWAYS: Final = frozenset({"postmaster", "abuse"})  # who is refused can complain (RFC 5321 §4.5.1)

SECONDS: Final = 3.0  # of lookups in a connection; the checks of its messages have their own

Refusal = tuple[Reply, str]
"""A reply, and the reason for VERB and the log."""
Asked = Awaitable[Mark | None] | Awaitable[Listing | None]


class Memory(msgspec.Struct, frozen=True):
    """What is remembered of strangers."""

    db: Database
    counters: Counters
    bans: Bans
    greylist: Greylist


class Gate:
    """One a server; ``clock`` is UTC milliseconds."""

    def __init__(
        self,
        settings: Connections,
        *,
        hostname: str,
        names: Names,
        blocklists: Sequence[Blocklist],
        memory: Memory,
        clock: Callable[[], int],
    ) -> None:
        self.settings = settings
        self.hostname = hostname
        self.names = names
        self.memory = memory
        self.of_addresses = [one for one in blocklists if not one.of_names]
        self.of_names = [one for one in blocklists if one.of_names]
        self.refuses = any(one.settings.refuse for one in blocklists)
        self.clock = clock
        self.tarpit = Tarpit(settings.tarpit_seconds, settings.tarpit_connections)
        self._exempt: list[Network] = [ipaddress.ip_network(one) for one in settings.exempt]

    def knock(self, address: str, *, is_counted: bool = True) -> str:
        """Why an address gets no service where mail comes in; "" when it does.

        ``is_counted``: the door is for strangers.
        """
        if is_loopback(address) or self.is_exempt(address):
            return ""
        now = self.clock()
        ban = self.memory.bans.find(address, "smtp", now)
        if ban is not None:
            return f"the network is banned: {ban.reason}"
        if not is_counted:
            return ""
        counters = self.memory.counters
        reason = counters.connection(address, now)
        if reason:
            self.over(Peer("", address, 0, "smtp"), counters.flood(address, now))
        return reason

    def erred(self, peer: Peer) -> None:
        """A session ended for its errors."""
        if self.is_watched(peer) and not is_loopback(peer.address):
            self.over(peer, self.memory.counters.error(peer.address, self.clock()))

    def is_watched(self, peer: Peer) -> bool:
        """Whether anything is asked of this peer."""
        return (
            peer.door == "smtp"
            and peer.checks
            and not peer.relay
            and not self.is_exempt(peer.address)
        )

    def is_exempt(self, address: str) -> bool:
        """Whether a postmaster has said so."""
        ip = read(address) if self._exempt else None
        return ip is not None and any(ip in network for network in self._exempt)

    def over(self, peer: Peer, over: Over | None) -> Refusal | None:
        """Tell that a limit is used up; who abuses is banned."""
        if over is None:
            return None
        sink.emit(RateExceeded(**session_of(peer), what=over.what, whose=over.whose))
        if over.is_abuse and self.settings.ban_minutes:
            now = self.clock()
            ban = self.memory.bans.ban(
                peer.address, "smtp", over.reason, 60 * self.settings.ban_minutes, now
            )
            if ban is not None and ban.since == now:
                sink.emit(
                    PeerBanned(
                        **session_of(peer),
                        seconds=(ban.until - now) // 1000,
                        reason=over.reason,
                    )
                )
        return over.reply, over.reason


class Visit:
    """One connection; it begins anew inside TLS. Used by one task, one call at a time."""

    def __init__(self, gate: Gate | None, peer: Peer) -> None:
        """Without a gate nothing is asked."""
        self._gate = gate if gate is not None and gate.is_watched(peer) else None
        self._peer = peer
        self._is_near = is_loopback(peer.address)
        self._asking: Asking | None = None
        self._of_client: list[Asked] = []
        self._of_helo: list[Asked] = []
        self._of_sender: list[Asked] = []
        self._early: Mark | None = None
        self._fault: helo_names.Fault | None = None
        self._listings: list[Listing] = []
        self._told = 0
        if self._gate is not None:
            self._ask_for_client(self._gate)

    # -- what the peer does

    def spoke_early(self) -> bool:
        """It spoke before the greeting: whether it may go on all the same."""
        if self._gate is None or self._gate.settings.early_talk == "refuse":
            return False
        self._early = EARLY
        return True

    def greet(self, helo: str) -> None:
        """It has said its name."""
        gate = self._counting
        if gate is None or gate.settings.helo == "ignore":
            return
        self._fault = helo_names.fault(helo, self._peer.address, gate.hostname)
        checks: list[Check[Any]] = [one.check(helo) for one in gate.of_names]
        if self._fault is None:
            checks.append(helo_names.check(helo))
        self._of_helo = [self._begin(gate, check) for check in checks]

    def excuse(self) -> None:
        """It has logged in: no stranger."""
        self.close()
        self._gate = None

    def mail(self, sender: Address | None) -> Refusal | None:
        """A message begins."""
        gate, peer = self._counting, self._peer
        if gate is None:
            return None
        text = "" if sender is None else str(sender)
        over = gate.memory.counters.message(peer.address, text, gate.clock())
        if over is not None:
            return gate.over(peer, over)
        self._of_sender = []
        if sender is not None:
            domain = sender.domain.ascii
            self._of_sender = [self._begin(gate, one.check(domain)) for one in gate.of_names]
        return None

    async def rcpt(self, sender: str, recipient: Address | None, ours: str) -> Refusal | None:
        """A recipient that is there: ``ours`` is its address here."""
        gate, peer = self._gate, self._peer
        if gate is None:
            return None
        if not self._is_near:
            over = gate.memory.counters.recipient(peer.address, ours, gate.clock())
            if over is not None:
                return gate.over(peer, over)
        if recipient is None or recipient.local.lower() in ALWAYS:
            return None
        if self._fault is not None and gate.settings.helo == "refuse":
            return self._fault.refusal, self._fault.mark.reason
        if not gate.refuses and not gate.settings.greylist:
            return None
        suspicion = await self.suspicion()
        return self._listed() or await self._put_off(gate, suspicion, sender, ours)

    def unknown(self) -> Refusal | None:
        """A recipient that is not there: None, or the reply that ends the session."""
        gate, peer = self._counting, self._peer
        if gate is None:
            return None
        return gate.over(peer, gate.memory.counters.unknown(peer.address, gate.clock()))

    def accepted(self, recipients: int) -> None:
        """A message of it to so many is ours."""
        gate = self._counting
        if gate is not None:
            gate.memory.counters.accepted(self._peer.address, recipients, gate.clock())

    def close(self) -> None:
        """Ask nothing more. Harmless at any time."""
        if self._asking is not None:
            self._asking.close()
        self._of_client, self._of_helo, self._of_sender = [], [], []

    # -- what is known of it

    @property
    def questions(self) -> list[Question]:
        """Those to the DNS so far that have an answer."""
        return [] if self._asking is None else self._asking.asked

    async def score(self, seconds: float) -> int:
        """What is known after so many seconds at most; who is on this machine waits for none."""
        if self._gate is None:
            return 0
        if self._is_near:
            seconds = 0
        waited = [one for one in self._asked if isinstance(one, asyncio.Future) and not one.done()]
        if waited and seconds:
            await asyncio.wait(waited, timeout=seconds)
        return (await self._found(waits=False)).score

    async def suspicion(self) -> Suspicion:
        """Everything that speaks for or against it; told to the operator once."""
        if self._gate is None:
            return NONE
        found = await self._found(waits=True)
        if len(found.marks) > self._told and found.score > 0:
            self._told = len(found.marks)
            sink.emit(
                PeerSuspected(**session_of(self._peer), score=found.score, reasons=found.reasons)
            )
        return found

    # -- inside

    @property
    def _counting(self) -> Gate | None:
        """The gate where more than the lists' opinion is of interest."""
        return None if self._is_near else self._gate

    @property
    def _asked(self) -> list[Asked]:
        return self._of_client + self._of_helo + self._of_sender

    def _ask_for_client(self, gate: Gate) -> None:
        """Who is on no public address has no name that we could know."""
        address = self._peer.address
        self._of_client = [self._begin(gate, one.check(address)) for one in gate.of_addresses]
        ip = read(address)
        if ip is None or self._is_near or not is_public(address):
            return
        self._of_client.append(self._begin(gate, _named(iprev.check(ip))))
        for one in gate.of_names:
            self._of_client.append(self._begin(gate, _listed_name(iprev.check(ip), one)))

    def _begin(self, gate: Gate, check: Check[Mark | None] | Check[Listing | None]) -> Asked:
        if self._asking is None:
            self._asking = Asking(gate.names, seconds=SECONDS)
        asking: Callable[[Check[Any]], Asked] = self._asking.begin
        return asking(check)

    async def _found(self, *, waits: bool) -> Suspicion:
        found = [self._early, None if self._fault is None else self._fault.mark]
        self._listings = []
        for one in self._asked:
            if not waits and isinstance(one, asyncio.Future) and not one.done():
                continue
            said = await self._said(one)
            if isinstance(said, Listing):
                if said in self._listings:
                    continue
                self._listings.append(said)
                said = said.mark
            found.append(said)
        return NONE.and_(found)

    async def _said(self, one: Asked) -> Mark | Listing | None:
        try:
            return await one
        except Exception as error:  # noqa: BLE001 - an opinion less, not a message less
            sink.emit(SessionFailed(**session_of(self._peer), traceback=trace_of(error)))
            return None

    def _listed(self) -> Refusal | None:
        if any(one.blocklist.good for one in self._listings):
            return None
        for one in self._listings:
            refusal = one.refusal
            if refusal is not None:
                return refusal, one.mark.reason
        return None

    async def _put_off(
        self, gate: Gate, suspicion: Suspicion, sender: str, ours: str
    ) -> Refusal | None:
        settings, peer = gate.settings, self._peer
        if not settings.greylist or self._is_near or suspicion.score < settings.greylist_score:
            return None
        keys = gate.memory.greylist.keys(peer.address, sender, ours)
        unknown = gate.memory.greylist.unknown(keys)
        if unknown:
            gate.memory.greylist.put(
                await gate.memory.db.read(lambda tx: greylist_rows.find(tx, unknown))
            )
        refusal = gate.memory.greylist.refusal(keys, gate.clock())
        if refusal is None:
            return None
        sink.emit(
            RecipientGreylisted(
                **session_of(peer),
                sender=sender,
                recipient=ours,
                score=suspicion.score,
            )
        )
        return refusal, "greylisted: " + "; ".join(suspicion.reasons)


def _named(check: Check[iprev.Result]) -> Check[Mark | None]:
    """What the name of an address says; nothing when it can't be looked up."""
    found = yield from check
    return {"permerror": NAMELESS, "fail": ASTRAY}.get(found.outcome)


def _listed_name(check: Check[iprev.Result], blocklist: Blocklist) -> Check[Listing | None]:
    """Whether a list of names holds that of an address."""
    found = yield from check
    if not found.name:
        return None
    return (yield from blocklist.check(found.name))
