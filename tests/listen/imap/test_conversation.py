"""What handlers share."""

from pathlib import Path

import pytest

from postroom.access.view import View
from postroom.listen.imap.conversation import Conversation, Peer
from postroom.listen.imap.plan import plan
from postroom.protocol.imap.fetch import WHOLE, Attribute, Octets
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.session import Session
from tests.listen.imap.house import House, People, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


class Wire:
    is_compressed = False
    certified: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.sent = b""
        self.attended = 0

    def compress(self) -> None:
        raise AssertionError("nobody asked for it")

    decompress = compress

    async def send(self, octets: bytes) -> None:
        self.sent += octets

    def write(self, octets: bytes) -> None:
        self.sent += octets

    def attend(self) -> None:
        self.attended += 1


def talk_at(home: House) -> tuple[Conversation, Wire]:
    wire = Wire()
    session = Session(mechanisms=("PLAIN",), can_start_tls=False, append_limit=0)
    return Conversation(session, home.services, wire, Peer("s", "127.0.0.1", "imap")), wire


def test_nothing_is_there_before_login(data: Path) -> None:
    async def main(home: House) -> None:
        talk, wire = talk_at(home)
        with pytest.raises(RuntimeError):
            _ = talk.person
        with pytest.raises(RuntimeError):
            _ = talk.selected
        await talk.report(always=True)
        await talk.flush()
        await talk.close()
        assert wire.sent == b""

    at_home(data, main)


def test_nothing_is_at_hand_while_something_is_to_be_told(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append_many(LETTER, 9)
        talk, _ = talk_at(home)
        talk.identity = await People().identity(1, 7)
        talk.select(
            await View.open(await talk.places.get("INBOX"), home.services.store, read_only=True)
        )
        made = talk.plan_of((Octets(WHOLE, b"BODY[]", peek=True),))
        assert talk.at_hand(made) is None
        await talk.read_ahead(1, made.need)
        found = talk.at_hand(made)
        assert found is not None
        assert talk.at_hand(plan((Attribute.ENVELOPE, *made.items), Modes())) is None
        await client.ok(b"SELECT INBOX")
        await client.ok(b"STORE 1 +FLAGS (\\Deleted)")
        await client.ok(b"EXPUNGE")
        assert talk.at_hand(made) is None
        await talk.report(expunges=False)
        assert talk.at_hand(made) is None  # the EXPUNGE is due with the next UID command
        await talk.report()
        assert talk.at_hand(made) is found
        talk.pause()
        assert talk.at_hand(made) is None
        await talk.close()

    at_home(data, main)


def test_news_wait_for_their_time(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(LETTER)
        await client.append(LETTER)
        talk, wire = talk_at(home)
        talk.identity = await People().identity(1, 7)
        talk.select(
            await View.open(await talk.places.get("INBOX"), home.services.store, read_only=True)
        )
        await client.ok(b"SELECT INBOX")
        await client.ok(b"STORE 1 +FLAGS (\\Deleted \\Seen)")
        await client.ok(b"EXPUNGE")
        assert wire.attended > 0
        await talk.report(expunges=False)
        await talk.flush()
        assert wire.sent == b""
        assert not talk.has_news
        await talk.report(expunges=False)
        await talk.report()
        await talk.flush()
        assert wire.sent == b"* 1 EXPUNGE\r\n"
        await talk.deselect()
        before = wire.attended
        await client.ok(b"STORE 1 +FLAGS (\\Seen)")
        assert wire.attended == before
        await talk.close()

    at_home(data, main)
