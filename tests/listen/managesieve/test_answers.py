"""What refusals become on the wire."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.scripts import Scripts
from postroom.directory.scripts import Room
from postroom.errors import MailError, Refused, StorageFailed
from postroom.listen.managesieve.answers import answer
from postroom.protocol.managesieve import commands as c
from postroom.protocol.managesieve.session import Session
from tests.conftest import Opener
from tests.directory.town import Town, Towns, towns
from tests.protocol.managesieve.driver import OFFER

ANN = 7


@pytest.fixture
def town(database: Opener, data: Path) -> Towns:
    return towns(database, data)


def scripts(t: Town) -> Scripts:
    return Scripts(t.directory, t.ids, t.clock, Room(2, 100))


async def said(t: Town, command: c.Command, of: Scripts | None = None) -> bytes:
    session = Session(OFFER, mechanisms=(), can_start_tls=False)
    await answer(session, of or scripts(t), ANN, command)
    return session.data_to_send()


def test_every_refusal_has_its_code(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("a", "b"):
                assert await said(t, c.PutScript(name, b"keep;", 5)) == b"OK\r\n"
            assert await said(t, c.SetActive("a")) == b"OK\r\n"
            for command, code in (
                (c.HaveSpace("c", 1), b"QUOTA/MAXSCRIPTS"),
                (c.PutScript("c", b"keep;", 5), b"QUOTA/MAXSCRIPTS"),
                (c.HaveSpace("a", 101), b"QUOTA/MAXSIZE"),
                (c.PutScript("a", b"#" * 101, 101), b"QUOTA/MAXSIZE"),
                (c.PutScript("a", None, 10**7), b"QUOTA/MAXSIZE"),
                (c.CheckScript(b"#" * 101, 101), b"QUOTA/MAXSIZE"),
                (c.CheckScript(None, 10**7), b"QUOTA/MAXSIZE"),
                (c.GetScript("c"), b"NONEXISTENT"),
                (c.SetActive("c"), b"NONEXISTENT"),
                (c.DeleteScript("c"), b"NONEXISTENT"),
                (c.RenameScript("c", "d"), b"NONEXISTENT"),
                (c.RenameScript("a", "b"), b"ALREADYEXISTS"),
                (c.DeleteScript("a"), b"ACTIVE"),
            ):
                assert (await said(t, command)).startswith(b"NO (" + code + b") ")
            assert await said(t, c.HaveSpace("a", 100)) == b"OK\r\n"
            assert await said(t, c.Plain("LISTSCRIPTS")) == b'"a" ACTIVE\r\n"b"\r\nOK\r\n'
            assert (await said(t, c.RenameScript("a", "a/b"))).startswith(b'NO "')

    asyncio.run(run())


def test_warnings_come_with_the_ok(town: Towns) -> None:
    script = b'require "include"; include "later"; include :global "x";'

    async def run() -> None:
        async with town() as t:
            for command in (c.CheckScript(script, 56), c.PutScript("a", script, 56)):
                answered = await said(t, command)
                assert answered.startswith(b"OK (WARNINGS) {")
                assert b"no script 'later'" in answered
                assert b"no script 'x'" in answered

    asyncio.run(run())


class Broken(Scripts):
    """Its database does not answer."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def rename(self, account_id: int, old: str, new: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StorageFailed(), b'NO (TRYLATER) "Local error, please try again"\r\n'),
        (MailError("x"), b'NO (TRYLATER) "x"\r\n'),
        (Refused("someone else changed it"), b'NO "someone else changed it"\r\n'),
    ],
)
def test_what_may_pass_is_to_be_tried_later(town: Towns, error: Exception, expected: bytes) -> None:
    async def run() -> None:
        async with town() as t:
            assert await said(t, c.RenameScript("a", "b"), Broken(error)) == expected

    asyncio.run(run())
