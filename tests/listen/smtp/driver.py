"""The SMTP core without a door: octets in, answers from a ``Desk``, octets out."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from postroom.access.exchange import Exchange, MalformedResponse
from postroom.directory.login import Identity
from postroom.errors import MailError
from postroom.intake.peer import Peer
from postroom.protocol.sasl.mechanisms import start
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import (
    Auth,
    Bdat,
    Burl,
    Data,
    Ehlo,
    Expn,
    Helo,
    Lhlo,
    Mail,
    Rcpt,
    Rset,
    StartTls,
    Verb,
    Vrfy,
)
from postroom.protocol.smtp.events import Content, EndOfContent, Event, Response, Slow, Unknown
from postroom.protocol.smtp.replies import Reply, reply_to
from postroom.protocol.smtp.server import Session
from postroom.protocol.smtp.settings import Settings
from postroom.protocol.smtp.states import State
from tests.listen.smtp.desk import Desk, new_login

T = TypeVar("T")

STRANGER = Peer("1", "192.0.2.1", 40000, "smtp")


def at_once(asked: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        asked.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("the coroutine waits")


class Driver:
    """One session; ``output`` collects what it says."""

    def __init__(self, settings: Settings, peer: Peer = STRANGER, *, nonce: str = "server") -> None:
        self.desk = Desk()
        self.session = Session(settings, has_tls=bool(peer.tls), is_trusted=peer.trusted)
        self.talk = self.desk.open(peer)
        self.peer = peer
        self.nonce = nonce
        self.login = new_login()
        self.exchange: Exchange | None = None
        self.waits_for_tls = False
        self.pauses = 0
        self.session.greet()

    def feed(self, *pieces: bytes) -> bytes:
        """What is said in return."""
        for octets in pieces:
            self.session.receive(octets)
            while (event := self.session.next_event()) is not None:
                try:
                    self._answer(event)
                except MailError as error:
                    self.session.answer(reply_to(error))
        return self.session.data_to_send()

    def start_tls(self) -> None:
        assert self.waits_for_tls
        self.waits_for_tls = False
        self.session.tls_started()
        self.talk = self.desk.open(self.peer)

    def _answer(self, event: Event) -> None:
        session, talk = self.session, self.talk
        match event:
            case Content():
                at_once(talk.content(event.octets))
            case EndOfContent():
                session.answer_each(at_once(talk.end(event.defect)))
            case Ehlo() | Helo() | Lhlo():
                refusal = at_once(talk.greet(event.name, not isinstance(event, Helo)))
                if refusal is None:
                    session.welcome()
                else:
                    session.answer(refusal)
            case Slow():
                self.pauses += 1
                session.resume()
            case Auth():
                mechanism = start(event.mechanism, nonce=self.nonce)
                assert mechanism is not None
                self.exchange = Exchange(mechanism, self.login, scope="smtp", peer=self.peer)
                self._log_in(self.exchange, event.initial)
            case Response():
                assert self.exchange is not None
                self._log_in(self.exchange, event.octets)
            case Burl():
                self._quote(event)
            case _:
                session.answer(self._decide(event))

    def _quote(self, event: Burl) -> None:
        if self.session.state is not State.CHUNKS:
            begun = at_once(self.talk.data())
            if not begun.is_positive:
                self.session.answer(begun)
                return
        found = at_once(self.talk.quote(event.url))
        if isinstance(found, Reply):
            self.session.answer(found)
            return
        while (piece := at_once(anext(found[1], None))) is not None:
            if content := self.session.quote(piece):
                at_once(self.talk.content(content))
        self.session.answer(replies.START_CONTENT)

    def _decide(self, event: Event) -> Reply:
        talk = self.talk
        match event:
            case Mail():
                return at_once(talk.mail(event))
            case Rcpt():
                return at_once(talk.rcpt(event))
            case Data() | Bdat():
                return at_once(talk.data())
            case Vrfy():
                return at_once(talk.vrfy(event.argument, utf8=event.utf8))
            case Expn():
                return at_once(talk.expn(event.argument, utf8=event.utf8))
            case Unknown():
                return at_once(talk.unknown(event))
            case Verb():
                return at_once(talk.verb())
            case Rset():
                talk.reset()
                return replies.RESET
            case StartTls():
                self.waits_for_tls = True
                return replies.READY_FOR_TLS
            case _:
                raise AssertionError(f"{event} is no question")

    def _log_in(self, exchange: Exchange, octets: bytes | None) -> None:
        try:
            said = at_once(exchange.respond(octets))
        except MalformedResponse:
            self.session.login_refused(replies.BAD_RESPONSE)
        except MailError as error:
            self.session.login_refused(reply_to(error))
        else:
            if isinstance(said, Identity):
                at_once(self.talk.authenticated(said))
                self.session.login_granted()
            else:
                self.session.challenge(said)
