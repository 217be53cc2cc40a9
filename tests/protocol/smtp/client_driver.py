"""A client session with a server that the test writes down line by line."""

from collections.abc import Iterable

from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_events import ClientEvent, Greeted, Ready
from postroom.protocol.smtp.client_replies import ServerFault
from postroom.protocol.smtp.client_transaction import Recipient, Transaction, TransactionDone
from postroom.protocol.smtp.settings import Dialect

ALL = (
    "PIPELINING",
    "SIZE 100000",
    "8BITMIME",
    "SMTPUTF8",
    "CHUNKING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "REQUIRETLS",
    "AUTH PLAIN LOGIN SCRAM-SHA-256",
)
BODY = b"Subject: x\r\n\r\n.hidden\r\nend\r\n"
STUFFED = b"Subject: x\r\n\r\n..hidden\r\nend\r\n.\r\n"


def letter(*recipients: bytes, sender: bytes = b"a@c.test", size: int = 0) -> Transaction:
    """A transaction; without recipients, bob is the one."""
    to = recipients or (b"bob@mx.test",)
    return Transaction(sender=sender, recipients=tuple(map(Recipient, to)), size=size)


class Wire:
    """``hears`` gives the events of what the server says, ``says`` what the client wrote."""

    def __init__(self, dialect: Dialect = "SMTP", *, is_cut: bool = False) -> None:
        self.session = ClientSession("c.test", dialect=dialect)
        self.is_cut = is_cut
        self.fault: ServerFault | None = None

    def hears(self, *lines: str) -> list[ClientEvent]:
        return self.hears_octets("".join(line + "\r\n" for line in lines).encode())

    def hears_octets(self, octets: bytes) -> list[ClientEvent]:
        pieces: Iterable[bytes] = (
            [octets[at : at + 1] for at in range(len(octets))] if self.is_cut else [octets]
        )
        found: list[ClientEvent] = []
        for piece in pieces:
            self.session.receive(piece)
            found += self.events()
        return found

    def events(self) -> list[ClientEvent]:
        """All events; a ServerFault ends them and is kept in ``fault``."""
        found: list[ClientEvent] = []
        try:
            while (event := self.session.next_event()) is not None:
                found.append(event)
        except ServerFault as fault:
            self.fault = fault
        return found

    def says(self) -> bytes:
        return self.session.data_to_send()

    def done(self, *lines: str) -> TransactionDone:
        """The one transaction that is done by these lines."""
        (event,) = self.hears(*lines)
        assert isinstance(event, TransactionDone)
        return event


def greeted(wire: Wire, *extensions: str) -> Wire:
    """The same after EHLO."""
    (event,) = wire.hears("220 mx.test ESMTP")
    assert isinstance(event, Greeted)
    wire.session.hello()
    assert wire.says().endswith(b"LO c.test\r\n")
    lines = ["mx.test", *extensions]
    heads = ["250-"] * len(extensions) + ["250 "]
    (event,) = wire.hears(*(head + line for head, line in zip(heads, lines, strict=True)))
    assert isinstance(event, Ready)
    return wire


def codes(done: TransactionDone) -> list[int]:
    """The code that decides each recipient."""
    return [reply.code for reply in done.outcomes()]
