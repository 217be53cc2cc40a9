"""Drives a POP3 session like a door would, with a maildrop in memory."""

from postroom.protocol.pop3 import events
from postroom.protocol.pop3.session import Session

LETTERS = [b"Subject: one\r\n\r\nhello\r\n.dot\r\n", b"Subject: two\r\n\r\n" + b"x" * 100 + b"\r\n"]


class Driver:
    """Answers like a door would, with a maildrop in memory."""

    def __init__(
        self,
        *,
        mechanisms: tuple[str, ...] = ("PLAIN",),
        tls: bool = False,
        then: tuple[str, ...] = ("PLAIN",),
    ) -> None:
        """``then``: the mechanisms on offer inside TLS."""
        self.then = then
        self.session = Session(mechanisms=mechanisms, can_start_tls=tls)
        self.said = b""
        self.removed: list[int] = []
        self.closed = False
        self.slow: list[int] = []

    def feed(self, octets: bytes) -> bytes:
        """What the session says to these octets."""
        before = len(self.said)
        self.session.receive(octets)
        while (event := self.session.next_event()) is not None or self.session.has_output:
            if event is not None:
                self.answer(event)
            self.flush()
        return self.said[before:]

    def open(self) -> None:
        self.session.opened([len(one) for one in LETTERS], ["u1", "u2"])

    def flush(self) -> None:
        while octets := self.session.data_to_send():
            self.said += octets

    def answer(self, event: events.Event) -> None:
        match event:
            case events.Login(name, password):
                if name.startswith("alice") and password == "secret":
                    self.open()
                else:
                    self.session.refuse("Authentication credentials invalid", "AUTH")
            case events.Authenticate(_, None):
                self.session.challenge(b"")
            case events.Authenticate() | events.Response():
                self.open()
            case events.StartTls():
                self.session.secured(self.then)
            case events.Retrieve(index):
                self.session.begin_content()
                for at in range(0, len(LETTERS[index]), 7):
                    self.session.content(LETTERS[index][at : at + 7])
                self.session.end_content()
            case events.Update(indexes):
                self.removed = list(indexes)
                self.session.updated()
            case events.Rejected(mistakes):
                self.slow.append(mistakes)
            case events.Quit():
                self.closed = True
