"""Our client against our server, cut at random: both must agree on what became of a message."""

import dataclasses

from hypothesis import given, settings, strategies as st

from postroom.address import Address
from postroom.intake.peer import Peer
from postroom.protocol.sasl.client import Credentials, start
from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_events import (
    Authenticated,
    BeginTls,
    ClientEvent,
    Closing,
    Greeted,
    Ready,
    StartContent,
)
from postroom.protocol.smtp.client_transaction import Recipient, Transaction, TransactionDone
from postroom.protocol.smtp.settings import Dialect, Settings
from tests.listen.smtp.desk import PASSWORD
from tests.listen.smtp.driver import Driver

OUTCOMES = {
    b"alice@local.test": 250,
    b"bob@local.test": 250,
    "jörg@local.test".encode(): 550,
    b"nobody@local.test": 550,
    b"full@local.test": 452,
    b"v@other.test": 550,
}
SENDERS = {b"": 250, b"a@b.test": 250, b"a@refused.test": 550, b"nodata@a.test": 451}
CONTENTS = [
    b"",
    b"Subject: x\r\n\r\nhi\r\n",
    b".\r\n..\r\n.a\r\n",
    b"no end",
    b"x" * 70_000 + b"\r\n",
]


@dataclasses.dataclass(frozen=True)
class Letter:
    """What one transaction is made of, and how it is sent."""

    sender: bytes
    recipients: tuple[bytes, ...]
    content: bytes
    is_whole: bool
    may_chunk: bool
    size: int = 0

    @property
    def transaction(self) -> Transaction:
        return Transaction(
            sender=self.sender,
            recipients=tuple(map(Recipient, self.recipients)),
            size=self.size,
            needs_smtputf8=not all(address.isascii() for address in self.recipients),
        )

    def expected(self) -> list[int]:
        """The code of each recipient, by what the desk does."""
        sender = SENDERS[self.sender]
        if self.size > 100_000:
            return [552] * len(self.recipients)
        if sender == 550:
            return [550] * len(self.recipients)
        codes = [OUTCOMES[address] for address in self.recipients]
        return [sender if code == 250 else code for code in codes]


LETTERS = st.builds(
    Letter,
    sender=st.sampled_from(sorted(SENDERS)),
    recipients=st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=1, max_size=4).map(tuple),
    content=st.sampled_from(CONTENTS),
    is_whole=st.booleans(),
    may_chunk=st.booleans(),
    size=st.sampled_from([0, 10, 100_001]),
)


class Meeting:
    """Both cores and the wire between them."""

    def __init__(
        self,
        letters: list[Letter],
        dialect: Dialect,
        draw: st.DataObject,
        *,
        hidden: tuple[bytes, ...] = (),
        has_tls: bool = False,
    ) -> None:
        self.server = Driver(
            Settings(
                hostname="mx.test",
                dialect=dialect,
                max_message=100_000,
                auth="plain",
                offers_tls=has_tls,
                hard_errors=10_000,
                soft_errors=10_000,
            ),
            Peer("1", "192.0.2.1", 40000, "lmtp" if dialect == "LMTP" else "smtp"),
        )
        self.client = ClientSession("c.test", dialect=dialect)
        self.to_send = list(letters)
        self.sent: list[Letter] = []
        self.done: list[TransactionDone] = []
        self.is_over = False
        self.draw = draw
        self.hidden = hidden
        self.written: list[bytes] = []
        self.has_asked_for_tls = not has_tls

    def run(self) -> None:
        """Until the client has quit."""
        said = self.server.feed()
        while not self.is_over:
            for line in self.hidden:
                said = said.replace(line, b"")
            for piece in self.cut(said):
                self.client.receive(piece)
                while (event := self.client.next_event()) is not None:
                    self.react(event)
                self.go_on()
            octets = self.client.data_to_send()
            self.written.append(octets)
            assert octets or self.is_over
            said = self.server.feed(*self.cut(octets))

    def cut(self, octets: bytes) -> list[bytes]:
        """Somewhere, now and then."""
        place = self.draw.draw(st.integers(0, 60))
        return [octets[:place], octets[place:]] if place else [octets]

    def react(self, event: ClientEvent) -> None:
        client = self.client
        match event:
            case Greeted():
                client.hello()
            case Ready() if not self.has_asked_for_tls:
                self.has_asked_for_tls = True
                client.start_tls()
            case BeginTls():
                self.server.start_tls()
                client.tls_started()
            case StartContent():
                for piece in self.cut(self.sent[len(self.done)].content):
                    client.content(piece)
                client.end_content()
            case TransactionDone():
                self.done.append(event)
            case Closing():
                self.is_over = True
            case _:
                assert isinstance(event, Ready), event

    def go_on(self) -> None:
        """Send what can be sent, as early as it can be."""
        client = self.client
        while self.to_send and client.can_send:
            letter = self.to_send.pop(0)
            self.sent.append(letter)
            content = letter.content if letter.is_whole else None
            client.send(letter.transaction, content, allow_chunking=letter.may_chunk)
            while (event := client.next_event()) is not None:
                self.react(event)
        if not self.to_send and client.can_send and len(self.done) == len(self.sent):
            client.quit()

    def check(self) -> None:
        """The client believes what the server has done."""
        codes = [[reply.code for reply in done.outcomes()] for done in self.done]
        assert codes == [letter.expected() for letter in self.sent]
        assert [done.transaction for done in self.done] == [one.transaction for one in self.sent]
        assert all(done.is_attempted for done in self.done)
        accepted = [letter for letter in self.sent if 250 in letter.expected()]
        assert len(self.server.desk.messages) == len(accepted)
        for message, letter in zip(self.server.desk.messages, accepted, strict=True):
            assert message.sender == letter.sender.decode()
            assert list(message.recipients) == [
                str(Address.parse(address.decode()))
                for address in letter.recipients
                if OUTCOMES[address] == 250
            ]
            whole = letter.content
            is_ended = not whole or whole.endswith(b"\r\n")
            assert message.content == (whole if is_ended else whole + b"\r\n")


@given(st.lists(LETTERS, max_size=6), st.sampled_from(["SMTP", "LMTP"]), st.booleans(), st.data())
@settings(max_examples=150)
def test_with_pipelining(
    letters: list[Letter], dialect: Dialect, has_tls: bool, data: st.DataObject
) -> None:
    meeting = Meeting(letters, dialect, data, has_tls=has_tls)
    meeting.run()
    meeting.check()


@given(st.lists(LETTERS, max_size=4), st.sampled_from(["SMTP", "LMTP"]), st.data())
@settings(max_examples=100)
def test_without_pipelining(letters: list[Letter], dialect: Dialect, data: st.DataObject) -> None:
    meeting = Meeting(letters, dialect, data, hidden=(b"250-PIPELINING\r\n",))
    meeting.run()
    meeting.check()
    for octets in meeting.written:  # one command at a time
        command, _, rest = octets.partition(b"\r\n")
        assert not rest or command.startswith(b"BDAT ") or octets.endswith(b".\r\n")


@given(st.lists(LETTERS, max_size=4), st.data())
@settings(max_examples=50)
def test_without_chunking(letters: list[Letter], data: st.DataObject) -> None:
    meeting = Meeting(letters, "SMTP", data, hidden=(b"250-CHUNKING\r\n",))
    meeting.run()
    meeting.check()
    assert b"BDAT" not in b"".join(meeting.written)


def test_small_messages_need_one_round_trip_each() -> None:
    letter = Letter(b"a@b.test", (b"alice@local.test",), CONTENTS[1], True, True)
    for may_chunk in (True, False):
        server = Driver(Settings(hostname="mx.test"))
        client = ClientSession("c.test")
        client.receive(server.feed())
        assert isinstance(client.next_event(), Greeted)
        client.hello()
        client.receive(server.feed(client.data_to_send()))
        assert isinstance(client.next_event(), Ready)
        trips = done = 0
        for _ in range(20):
            if client.can_send:
                client.send(letter.transaction, letter.content, allow_chunking=may_chunk)
            client.receive(server.feed(client.data_to_send()))
            trips += 1
            while (event := client.next_event()) is not None:
                assert isinstance(event, TransactionDone)
                done += 1
            if client.can_send:  # behind the dot that is about to leave
                client.send(letter.transaction, letter.content, allow_chunking=may_chunk)
        assert done >= trips - 1


def test_login_by_every_mechanism_of_both() -> None:
    for name in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
        server = Driver(Settings(hostname="mx.test", auth="plain"))
        client = ClientSession("c.test")
        credentials = Credentials(login="alice@local.test", secret=PASSWORD)
        client.receive(server.feed())
        found: list[ClientEvent] = []
        for _ in range(8):
            while (event := client.next_event()) is not None:
                found.append(event)
                if isinstance(event, Greeted):
                    client.hello()
                elif isinstance(event, Ready):
                    client.authenticate(start(name, credentials, nonce="client"))
            client.receive(server.feed(client.data_to_send()))
        assert isinstance(found[-1], Authenticated)
