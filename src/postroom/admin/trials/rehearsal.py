"""An SMTP session that is typed and rehearsed: what each line would be answered, and why.

The state machine and the intake are those of the doors; nothing that comes is kept, and nobody
is counted or banned for it. There is no TLS and no login in it.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.admin.office import Office
from postroom.config.model import Listen
from postroom.errors import Invalid, MailError, NotFound
from postroom.intake.conversation import Conversation
from postroom.intake.intake import Intake
from postroom.intake.peer import SUBMISSION, Peer
from postroom.net.networks import read
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Data, Ehlo, Expn, Helo, Lhlo, Mail, Rcpt, Rset, Vrfy
from postroom.protocol.smtp.events import Content, EndOfContent, Event, Slow, Unknown
from postroom.protocol.smtp.replies import Reply, reply_to
from postroom.protocol.smtp.server import Session
from postroom.protocol.smtp.settings import Settings

DOORS: Final = ("smtp", *sorted(SUBMISSION), "lmtp")
MAX_LINES: Final = 500
MAX_OCTETS: Final = 64 * 1024
SECONDS: Final = 30.0  # for all of it; the DNS may be slow
NOT_HERE: Final = replies.reply(502, "5.5.1", "Not in a rehearsal")


class Exchange(msgspec.Struct, frozen=True):
    """Lines of the client, the reply to the last of them, and its reasons."""

    said: str
    reply: str
    reasons: tuple[str, ...] = ()


def doors(office: Office) -> list[str]:
    """The kinds of listeners that mail comes in at, as configured."""
    there = {one.protocol for one in office.config.listen}
    return [one for one in DOORS if one in there] or ["smtp"]


async def rehearse(
    office: Office, intake: Intake, text: str, *, address: str, door: str
) -> list[Exchange]:
    """The greeting, then what each line is answered. Raises Invalid for what can't be rehearsed."""
    peer = _peer(office, address.strip(), door)
    lines = text.splitlines()
    octets = len(text.encode("utf-8", "surrogatepass"))
    if len(lines) > MAX_LINES or octets > MAX_OCTETS:
        raise Invalid(f"a rehearsal has at most {MAX_LINES} lines and {MAX_OCTETS} octets")
    if unwelcome := intake.unwelcome(peer):
        last = replies.reply(421, "4.7.0", f"Please try again later: {unwelcome}")
        return [Exchange("", last.encode().decode().strip())]
    limits = office.config.limits
    session = Session(
        Settings(
            hostname=office.config.hostname,
            dialect="LMTP" if peer.is_lmtp else "SMTP",
            max_message=limits.max_message,
            max_recipients=limits.max_recipients,
            requires_login=peer.is_submission,
            mechanisms=(),
            soft_errors=limits.soft_errors,
            hard_errors=limits.hard_errors,
            clock=office.clock,
        ),
        is_trusted=peer.trusted,
    )
    talk = intake.rehearse(peer)
    try:
        async with asyncio.timeout(SECONDS):
            return await _Rehearsal(session, talk).run(lines)
    except TimeoutError:
        raise Invalid(
            f"the rehearsal took longer than {SECONDS:.0f} seconds: is the DNS slow?"
        ) from None
    finally:
        await talk.close()


class _Rehearsal:
    """One session; ``run`` is called once."""

    def __init__(self, session: Session, talk: Conversation) -> None:
        self._session = session
        self._talk = talk
        self._reasons: list[str] = []

    async def run(self, lines: Sequence[str]) -> list[Exchange]:
        self._session.greet()
        found = [Exchange("", self._replied())]
        said: list[str] = []
        for line in lines:
            if self._session.is_closed:
                break
            said.append(line)
            self._session.receive(line.encode("utf-8", "surrogatepass") + b"\r\n")
            await self._events()
            if reply := self._replied():
                found.append(Exchange("\n".join(said), reply, tuple(dict.fromkeys(self._reasons))))
                said, self._reasons = [], []
        if said:
            found.append(Exchange("\n".join(said), ""))
        return found

    async def _events(self) -> None:
        while not self._session.is_closed:
            event = self._session.next_event()
            if event is None:
                return
            await self._handle(event)

    def _replied(self) -> str:
        return self._session.data_to_send().decode("utf-8", "replace").strip()

    async def _handle(self, event: Event) -> None:
        session, talk = self._session, self._talk
        match event:
            case Content():
                await talk.content(event.octets)
            case Slow():
                self._reasons.append("too many errors: here a real client waits")
                session.resume()
            case EndOfContent():
                try:
                    answers = await talk.end(event.defect)
                except MailError as error:
                    answers = [reply_to(error)] * session.replies_due
                self._reasons += [reason for one in answers for reason in one.reasons]
                session.answer_each(answers)
            case Ehlo() | Helo() | Lhlo():
                refusal = await talk.greet(event.name, not isinstance(event, Helo))
                if refusal is None:
                    session.welcome()
                else:
                    session.answer(refusal)
            case _:
                try:
                    answer = await self._answer(event)
                except MailError as error:
                    answer = reply_to(error)
                self._reasons += answer.reasons
                session.answer(answer)

    async def _answer(self, event: Event) -> Reply:
        talk = self._talk
        match event:
            case Mail():
                return await talk.mail(event)
            case Rcpt():
                return await talk.rcpt(event)
            case Data():
                return await talk.data()
            case Vrfy():
                return await talk.vrfy(event.argument, utf8=event.utf8)
            case Expn():
                return await talk.expn(event.argument, utf8=event.utf8)
            case Unknown():
                return await talk.unknown(event)
            case Rset():
                talk.reset()
                return replies.RESET
            case _:  # what needs TLS, a login or octets that nobody types
                return NOT_HERE


def _peer(office: Office, address: str, door: str) -> Peer:
    """Who comes from this address, as the listener of this kind would see it."""
    ip = read(address)
    if ip is None:
        raise Invalid(f"{address!r} is no IP address; write it like 192.0.2.1 or 2001:db8::1")
    if door not in doors(office):
        raise NotFound(f"there is no listener for {door}")
    listens = [one for one in office.config.listen if one.protocol == door]
    listen = listens[0] if listens else Listen(protocol="smtp", port=25)

    def is_in(networks: Sequence[str]) -> bool:
        return any(ip in ipaddress.ip_network(one) for one in networks)

    return Peer(
        session="rehearsal",
        address=str(ip),
        port=0,
        door=door,
        trusted=is_in(office.config.trusted),
        relay=is_in(listen.relay_from),
        checks=listen.checks == "full",
    )
