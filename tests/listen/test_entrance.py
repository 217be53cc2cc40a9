"""What is offered to whom, and how often somebody may fail."""

import asyncio
from typing import Literal

import pytest

from postroom.access.login import Login
from postroom.listen.caps import Caps
from postroom.listen.connections import Connections
from postroom.listen.entrance import Entrance, EntranceDoor
from tests.access.test_exchange import People
from tests.fakes import Clock


class Simple(EntranceDoor):
    """A door that says nothing."""

    __slots__ = ()
    scope = "imap"

    async def serve(self) -> None:
        """Nothing to do."""

    def last_words(self, reason: str) -> bytes:
        return reason.encode()


async def door(auth: Literal["never", "tls", "plain"] = "plain", failures: int = 2) -> Simple:
    return Simple(
        Entrance(
            login=Login(People(), Clock()),
            connections=Connections(Caps(total=1, per_network=1)),
            protocol="imap",
            auth=auth,
            login_failures=failures,
        )
    )


@pytest.mark.parametrize(
    ("auth", "tls", "is_open"),
    [
        ("plain", "", True),
        ("tls", "", False),
        ("tls", "TLSv1.3", True),
        ("never", "TLSv1.3", False),
    ],
)
def test_mechanisms_are_offered_where_passwords_are_taken(
    auth: Literal["never", "tls", "plain"], tls: str, *, is_open: bool
) -> None:
    async def run() -> None:
        made = await door(auth)
        made.tls = tls
        assert bool(made.mechanisms) is is_open
        assert ("PLAIN" in made.mechanisms) is is_open

    asyncio.run(run())


def test_an_exchange_begins_for_the_peer_and_the_scope() -> None:
    async def run() -> None:
        made = await door()
        made.address, made.session_id = "192.0.2.1", "s1"
        assert (made.peer.address, made.peer.session, made.peer.door) == ("192.0.2.1", "s1", "imap")
        assert made.is_unwelcome() == ""
        assert made.exchange("X-NONE") is None
        begun = made.exchange("PLAIN")
        assert begun is not None
        assert await begun.respond(None) == b""
        found = await begun.respond(b"\0alice\0secret")
        assert getattr(found, "account_id", None) == 1

    asyncio.run(run())


def test_failures_are_counted() -> None:
    async def run() -> None:
        made = await door(failures=3)
        assert [made.has_failed() for _ in range(4)] == [False, False, True, True]

    asyncio.run(run())
