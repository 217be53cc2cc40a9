"""Scripts run on letters that arrive: what they see, and what they are told."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.directory import scripts
from postroom.intake import sieving
from postroom.intake.sieving import mailbox_number
from postroom.policy.facts import Facts
from postroom.policy.verdict import Verdict
from postroom.protocol.imap.object_ids import mailbox_id
from postroom.store import mailboxes
from postroom.telemetry.session_events import SessionFailed
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import LARGE, LETTER, Desk, desk, said, send

PARTS = (
    LETTER.partition(b"\r\n\r\n")[0]
    + b'\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n'
    b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nX-Inner: yes\r\n\r\nhello\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nX-Kind: invoice\r\n\r\n%PDF\r\n--b--\r\n"
)


async def make(here: Desk, name: str, special_use: str | None = None) -> int:
    ids = [here.ids.next() for _ in name.split("/")]
    made = await here.store.write(
        mailboxes.create, here.bob.id, name, special_use, ids, here.clock()
    )
    return made.id


async def fits(here: Desk, test: str, octets: bytes = LETTER, **peer: object) -> bool:
    """Whether the test of a script of bob's holds for a letter to him."""
    names = '"fileinto", "envelope", "mailbox", "special-use", "mailboxid", "imap4flags"'
    more = '"foreverypart", "mime", "variables", "regex", "date", "body", "subaddress", "relational", "virustest"'
    lines = f'require [{names}, {more}];\nif {test} {{ fileinto :create "Yes"; }}\n'
    await here.town.script("bob@local.test", lines)
    before = len(await here.inbox(here.bob, "Yes"))
    answer = (await send(here.open(**peer), "bob+work@local.test", octets=octets))[0]  # type: ignore[arg-type]
    assert said(answer) == "250 2.0.0"
    return len(await here.inbox(here.bob, "Yes")) > before


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ('header :is "subject" "Hello"', True),
        ('header :is "subject" "hello"', True),
        ('header :contains "received" "local.test"', False),
        ('envelope :is "from" "ann@client.example"', True),
        ('envelope :all :is "to" "bob+work@local.test"', True),
        ('envelope :detail :is "to" "work"', True),
        ('address :domain :is "from" "client.example"', True),
        ("size :over 100", True),
        ("size :over 1K", False),
        ('header :regex "subject" "^H.l+o$"', True),
    ],
)
def test_what_a_script_sees(database: Opener, data: Path, test: str, holds: bool) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            assert await fits(here, test) is holds

    asyncio.run(run())


@pytest.mark.parametrize(
    ("found", "value"), [((), "0"), ((1,), "1"), ((1, 5), "5"), ((None,), "0")]
)
def test_what_a_scanner_found(
    database: Opener, data: Path, found: tuple[int | None, ...], value: str
) -> None:
    class Scans:
        def __init__(self, virus: int | None) -> None:
            self._virus = virus

        async def judge(self, facts: Facts) -> Verdict:
            return Verdict(stage="x", virus=self._virus)

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(stages=tuple(Scans(virus) for virus in found))
            assert await fits(here, f'virustest :is "{value}"')

    asyncio.run(run())


def test_parts_are_found_below_what_stands_on_top(database: Opener, data: Path) -> None:
    class Says:
        async def judge(self, facts: Facts) -> Verdict:
            field = b"X-Checked: " + b"very much so\r\n"
            return Verdict(stage="x", action="junk", reason="odd", fields=(field,))

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(stages=(Says(),))
            for octets in (PARTS, PARTS.replace(b"%PDF", b"%PDF" * 40_000)):
                for test in (
                    'header :is "x-checked" "very much so"',
                    'header :is "x-spam-flag" "YES"',
                    'header :mime :anychild :is "x-kind" "invoice"',
                    'header :mime :anychild :type :is "content-type" "application"',
                    'header :mime :anychild :is "x-inner" "yes"',
                ):
                    assert await fits(here, test, octets), test
            forged = b"Authentication-Results: mx.local.test; spf=pass\r\n" + PARTS
            assert not await fits(here, 'exists "authentication-results"', forged)

    asyncio.run(run())


def test_what_a_script_asks_of_mailboxes(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            work = await make(here, "Work/Bills")
            await make(here, "Archive", "\\Archive")
            both = await make(here, "Both")
            await here.store.write(mailboxes.set_uses, both, ["\\Sent", "\\Trash"])
            for test, holds in (
                ('mailboxexists "Work/Bills"', True),
                ('mailboxexists ["inbox", "Work"]', True),
                ('mailboxexists ["inbox", "Nowhere"]', False),
                ('specialuse_exists "\\\\archive"', True),
                ('specialuse_exists "Work" "\\\\Archive"', False),
                ('specialuse_exists "Archive" "\\\\Archive"', True),
                ('specialuse_exists "\\\\Junk"', False),
                ('specialuse_exists "Both" ["\\\\Trash", "\\\\sent"]', True),
                (f'mailboxidexists "{mailbox_id(work).decode()}"', True),
                ('mailboxidexists "F0"', False),
            ):
                assert await fits(here, test) is holds, test

    asyncio.run(run())


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_each_account_has_its_own(database: Opener, data: Path, octets: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script("bob@local.test", 'require "fileinto"; fileinto "A";', "a")
            await make(here, "A")
            (answer,) = await send(here.open(), "bob@local.test", "alice@local.test", octets=octets)
            assert said(answer) == "250 2.0.0"
            assert len(await here.inbox(here.alice)) == len(await here.inbox(here.bob, "A")) == 1
            await here.town.directory.change(lambda tx: scripts.deactivate(tx, here.bob.id))
            await send(here.open(), "bob@local.test", octets=octets)
            assert len(await here.inbox(here.bob)) == 1

    asyncio.run(run())


def test_a_large_message_is_looked_into(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            lines = (b"x" * 76 + b"\r\n") * 20_000
            later = b"--b\r\nX-Kind: last\r\n\r\nthe end\r\n--b--\r\n"
            octets = PARTS.replace(b"%PDF\r\n--b--\r\n", lines + later)
            for test in (
                'header :mime :anychild "x-kind" "last"',
                'body :contains "the end"',
                'body :raw :contains "xxx"',
                'not header :mime :anychild :contains "x-kind" "xx"',
            ):
                assert await fits(here, test, octets), test
            assert not await fits(here, 'body :raw :contains "the end"', octets)

    asyncio.run(run())


@pytest.mark.parametrize("number", [1, 0x1F, 3753902080000000003])
def test_the_id_of_a_mailbox_is_read_as_it_is_written(number: int) -> None:
    assert mailbox_number(mailbox_id(number).decode()) == number


@pytest.mark.parametrize(
    "text", ["", "F", "M1", "Fx", "F-1", "F 1", "F1A", "F\N{SUPERSCRIPT TWO}", "F" + "f" * 16]
)
def test_other_ids_are_none(text: str) -> None:
    assert mailbox_number(text) == 0


def test_many_heavy_scripts_wait_for_each_other(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            script = (
                'require ["regex", "fileinto", "mailbox"];\n'
                'if header :regex "subject" "H.*o" { fileinto :create "A"; }\n'
            )
            await here.town.script("bob@local.test", script)
            answers = await asyncio.gather(*(send(here.open(), "bob@local.test") for _ in range(9)))
            assert {said(answer) for (answer,) in answers} == {"250 2.0.0"}
            assert len(await here.inbox(here.bob, "A")) == 9

    asyncio.run(run())


def test_a_mistake_of_ours_keeps_the_letter(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch, events: Recorder
) -> None:
    monkeypatch.setattr(sieving, "run", lambda *_: (1 // 0 for _ in "x"))

    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.script("bob@local.test", "discard;")
            (answer,) = await send(here.open(), "bob@local.test")
            assert said(answer) == "250 2.0.0"
            (letter,) = await here.inbox(here.bob)
            assert b"X-Sieve-Error: the script main: it could not be run\r\n" in letter
            (event,) = events.of(SessionFailed)
            assert "ZeroDivisionError" in event.traceback

    asyncio.run(run())


@pytest.fixture
def kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine stands five hours and three quarters east of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "NPT-5:45")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("kathmandu")
def test_dates_are_those_of_the_machine(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            assert await fits(here, 'currentdate "zone" "+0545"')
            assert not await fits(here, 'currentdate :zone "+0000" "zone" "+0545"')

    asyncio.run(run())


@pytest.mark.usefixtures("kathmandu")
def test_the_zone_of_the_machine() -> None:
    assert sieving.local_offset(0) == 345
    assert sieving.local_offset(1 << 80) == 0
