"""The milters of one session, in the order of the settings: asked at each step, as it happens.

What one of them changes the next one sees. They are told of a message what came; for mail of
people here, with the Date and Message-ID that it gets. At the end they have their say last: of a
message that something else has refused they hear no more.
"""

from typing import Final

import msgspec

from postroom import VERSION
from postroom.db.ids import to_text
from postroom.intake.amending import Amending
from postroom.intake.arrival import Arrival
from postroom.intake.peer import Peer
from postroom.intake.plan import Envelope
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.intake.stamp import Session
from postroom.mailauth import iprev
from postroom.message.amendment import Amendment
from postroom.net.networks import is_loopback, read
from postroom.policy.asking import Asking
from postroom.policy.filters.milter import Client, Refusal, Talk
from postroom.policy.verdict import Verdict
from postroom.protocol.milter import session as wire
from postroom.protocol.milter.packets import strings
from postroom.protocol.smtp.commands import Mail, Rcpt

NAME_SECONDS: Final = 2.0
"""That the name of a client is waited for."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the milters have come to; ``envelope`` is as they want it.

    ``discarded`` and ``quarantined`` say which of them wants it so, "" when none does.
    """

    envelope: Envelope
    verdicts: tuple[Verdict, ...] = ()
    discarded: str = ""
    quarantined: str = ""


class Milters:
    """Used by one task, one call at a time; ``close`` it at the end of the session."""

    def __init__(self, services: Services, session: Session) -> None:
        self._services = services
        self._session = session
        self._talks: list[Talk] = []
        self._is_ours: bool | None = None
        self._told: list[tuple[str, Accepted]] = []
        self._has_data = False
        self._barred: Refusal | None = None
        self.ident = 0
        """The queue id that the message will have, 0 without one."""

    # -- the steps

    async def greet(self) -> Refusal | None:
        """A stranger has said its name. Milters for people here hear of it with ``mail``."""
        self.close()
        peer = self._session.peer
        if peer.relay or peer.is_submission:
            return None
        return await self._meet(is_ours=False)

    async def mail(self, event: Mail, sender: str, login: str, *, is_ours: bool) -> Refusal | None:
        """A message begins; ``login`` is the address of who has logged in, or ""."""
        if self._is_ours is not is_ours:
            self.close()
            refusal = await self._meet(is_ours=is_ours)
            if refusal is not None:
                return refusal
        self.forget()
        if not self._talks:
            return None
        self.ident = self._services.ids.next()
        macros = {
            b"i": to_text(self.ident).encode(),
            b"{mail_addr}": sender.encode(),
            b"{mail_host}": sender.rpartition("@")[2].encode(),
            b"{mail_mailer}": b"smtp",
            b"{auth_authen}": login.encode(),
            b"{auth_type}": self._session.mechanism.encode() if login else b"",
        }
        data = wire.path(sender, _of_mail(event))
        for talk in self._talks:
            refusal = await talk.mail(data, macros)
            if refusal is not None:
                self.forget()
                return refusal
        return None

    async def rcpt(self, event: Rcpt, accepted: Accepted) -> Refusal | None:
        """One more recipient."""
        if not self._talks:
            return None
        address = accepted.address if event.recipient is None else str(event.recipient)
        is_here = bool(accepted.local)
        macros = {
            b"{rcpt_addr}": address.encode(),
            b"{rcpt_host}": address.rpartition("@")[2].encode(),
            b"{rcpt_mailer}": b"local" if is_here else b"smtp",
        }
        data = wire.path(address, _of_rcpt(event))
        for talk in self._talks:
            refusal = await talk.rcpt(data, macros)
            if refusal is not None:
                return refusal
        self._told.append((address, accepted))
        return None

    async def unknown(self, line: str) -> Refusal | None:
        """A line with no command of ours; whoever refuses it first has the answer."""
        data = strings(line.encode())
        for talk in self._talks:
            refusal = await talk.unknown(data, in_message=bool(self.ident))
            if refusal is not None:
                return refusal
        return None

    async def data(self) -> Refusal | None:
        """The message comes next; told once, however many pieces it comes in."""
        if not self._has_data:
            self._has_data = True
            for talk in self._talks:
                self._barred = self._barred or await talk.data()
        return self._barred

    async def end(self, envelope: Envelope, arrival: Arrival, head: bytes) -> Judgement:
        """The message has come whole; ``head`` is its header block, as it will go on.

        The arrival has what they have made of it then. Raises MailError.
        """
        state = Amending(self._services, envelope, arrival, Amendment(head), self._told)
        verdicts = []
        discarded = quarantined = ""
        for talk in self._talks:
            ending = await state.shown(talk)
            verdicts.append(ending.verdict)
            if ending.verdict.action in ("refuse", "defer"):
                break
            called = f"{ending.verdict.stage}: {ending.verdict.reason}"
            if ending.is_quarantined:
                quarantined = quarantined or called
            if ending.is_discarded:
                discarded = called
                break
        else:
            await state.settle(is_new=head is not arrival.head)
        verdicts += state.notes
        self.forget()
        return Judgement(
            envelope=state.envelope,
            verdicts=tuple(verdicts),
            discarded=discarded,
            quarantined=quarantined,
        )

    def forget(self) -> None:
        """The message does not come, or is over. Harmless at any time."""
        for talk in self._talks:
            talk.forget()
        self._told = []
        self._has_data = False
        self._barred = None
        self.ident = 0

    def close(self) -> None:
        """The session is over. Harmless at any time."""
        self.forget()
        for talk in self._talks:
            talk.close()
        self._talks = []
        self._is_ours = None

    @property
    def is_asked(self) -> bool:
        """Whether any of them hears of this message."""
        return bool(self._talks)

    # -- who is there

    async def _meet(self, *, is_ours: bool) -> Refusal | None:
        other: Final = "incoming" if is_ours else "outgoing"
        chosen = [one for one in self._services.milters if one.sees != other]
        self._is_ours = is_ours
        client = await self._client(is_known=is_ours) if chosen else None
        if client is not None:
            self._talks = [Talk(one, client) for one in chosen]
        for talk in self._talks:
            refusal = await talk.begin()
            if refusal is not None:
                return refusal
        return None

    async def _client(self, *, is_known: bool) -> Client:
        peer = self._session.peer
        name = "" if is_known else await self._name(peer)
        host = self._services.hostname
        return Client(
            address=peer.address,
            port=peer.port,
            name=name,
            helo=self._session.helo,
            tls=peer.tls,
            macros={
                b"j": host.encode(),
                b"v": f"Postroom {VERSION}".encode(),
                b"{daemon_name}": peer.door.encode(),
                b"{client_addr}": peer.address.encode(),
                b"{client_name}": (name or "unknown").encode(),
                b"{client_port}": str(peer.port).encode(),
            },
        )

    async def _name(self, peer: Peer) -> str:
        resolver, ip = self._services.resolver, read(peer.address)
        if resolver is None or ip is None or is_loopback(peer.address):
            return ""
        asking = Asking(resolver, seconds=NAME_SECONDS)
        try:
            return (await asking.run(iprev.check(ip))).name
        finally:
            asking.close()


def _of_mail(event: Mail) -> list[str]:
    found = {
        "SIZE": event.size,
        "BODY": event.body,
        "RET": event.ret,
        "ENVID": event.envid,
        "AUTH": event.auth,
    }
    words = [f"{name}={value}" for name, value in found.items() if value is not None]
    return [*words, "SMTPUTF8"] if event.smtputf8 else words


def _of_rcpt(event: Rcpt) -> list[str]:
    found = {"NOTIFY": event.notify, "ORCPT": event.orcpt}
    return [f"{name}={value}" for name, value in found.items() if value is not None]
