"""What milters change of a message and of its envelope is what goes on."""

from pathlib import Path

import pytest

from postroom.message import headers
from postroom.protocol.milter.packets import pack, strings
from postroom.telemetry.events import FilterUnheeded
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import (
    LARGE,
    LETTER,
    Blocks,
    Desk,
    said,
    send,
)
from tests.intake.milters import asked, stranger, tell
from tests.policy.filters.libmilter import (
    CONTINUE,
    LEADING,
    Milter,
    adds,
    changes,
    inserts,
    options,
)


async def changed(here: Desk, *answers: bytes, octets: bytes = LETTER, agreed: bytes | None = None,
                  ) -> bytes:  # fmt: skip
    """What bob gets when a milter answers so at the end, less his own lines and our Received."""
    fake = Milter(agreed=agreed, E=b"".join(answers) + CONTINUE)
    async with asked(here, fake):
        one = await stranger(here)
        (answer,) = await send(one, "bob@local.test", octets=octets, cut=Blocks(1 << 16))
        assert said(answer) == "250 2.0.0"
        await one.close()
    filed = (await here.inbox(here.bob))[-1]
    _, _, rest = filed.partition(b"\r\nReceived: ")
    return (
        rest[rest.index(b"\r\nX-Top") + 2 :]
        if b"\r\nX-Top" in rest
        else rest[rest.index(b"\r\nFrom") + 2 :]
    )


@pytest.mark.parametrize("octets", [LETTER, LARGE], ids=["small", "large"])
def test_header_fields_are_changed(database: Opener, data: Path, octets: bytes) -> None:
    async def story(here: Desk) -> None:
        got = await changed(
            here,
            inserts(0, "X-Top", "first"),
            adds("X-End", "two\n lines\nof text"),
            changes(1, "subject", "Other"),
            changes(1, "Message-ID", ""),
            changes(7, "X-New", "new"),
            changes(3, "X-Absent", ""),
            octets=octets,
        )
        head, body = headers.split(got)
        assert head == (
            b"X-Top: first\r\nFrom: Ann <ann@client.example>\r\nTo: bob@local.test\r\n"
            b"subject: Other\r\nDate: Mon, 21 Sep 2026 14:13:20 +0000\r\n"
            b"X-End: two\r\n lines\r\n\tof text\r\nX-New: new\r\n\r\n"
        )
        assert body == octets.partition(b"\r\n\r\n")[2]
        row = await here.db.read(lambda tx: tx.one("SELECT envelope FROM message"))
        assert row is not None
        assert b"Other" in bytes(row[0])

    tell(database, data, story)


def test_spaces_are_kept_where_both_sides_say_so(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        got = await changed(here, inserts(0, "X-Top", "  x"), agreed=options(steps=LEADING))
        assert got.startswith(b"X-Top:  x\r\nFrom")

    tell(database, data, story)


def test_the_body_is_replaced(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        line = b"another line of a body\n"
        block = pack(b"b", line * 1_000)
        for octets, count in [(LETTER, 0), (LETTER, 9), (LARGE, 0), (LARGE, 9)]:
            got = await changed(here, pack(b"b", line), *[block] * count, octets=octets)
            head, body = headers.split(got)
            assert head == headers.split(octets)[0]
            assert body == line.replace(b"\n", b"\r\n") * (1 + 1_000 * count)
        assert here.files() == []

    tell(database, data, story)


def test_authentication_results_of_a_milter_in_our_name_stay_those_of_others_go(
    database: Opener, data: Path
) -> None:
    async def story(here: Desk) -> None:
        forged = b"Authentication-Results: mx.local.test; dkim=pass header.d=forged\r\n"
        own = "mx.local.test; dkim=pass header.d=true"
        got = await changed(
            here,
            inserts(0, "X-Top", "1"),
            inserts(1, "Authentication-Results", own),
            octets=forged + LETTER,
        )
        assert headers.values(got, b"authentication-results") == [own.encode()]

    tell(database, data, story)


def test_the_envelope_is_changed(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        end = b"".join([
            pack(b"e", strings(b"<other@client.example>", b"BODY=8BITMIME")),
            pack(b"+", strings(b"<alice@local.test>")),
            pack(b"2", strings(b"<far@elsewhere.test>", b"NOTIFY=NEVER")),
            pack(b"+", strings(b"<nobody@local.test>")),
            pack(b"-", strings(b"<BOB@local.test>")),
        ])  # fmt: skip
        async with asked(here, Milter(E=end + CONTINUE)):
            one = await stranger(here)
            (answer,) = await send(one, "bob@local.test")
            assert said(answer) == "250 2.0.0"
            await one.close()
        assert await here.inbox(here.bob) == []
        (filed,) = await here.inbox(here.alice)
        assert filed.startswith(b"Return-Path: <other@client.example>\r\n")
        assert await here.queue() == [("far@elsewhere.test", "elsewhere.test")]
        notes = [detail for kind, _, detail in await here.told(answer) if kind == "checked"]
        assert notes == ["milter: not done: the recipient nobody@local.test: No such mailbox here"]

    tell(database, data, story)


def test_parameters_that_it_wants(database: Opener, data: Path, events: Recorder) -> None:
    wanted = "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;f+2Br@there.test NOTIFY=OFTEN X=1"
    end = b"".join([
        pack(b"e", strings(b"<other@client.example>", b"RET=HDRS ENVID=e1 SIZE=9 AUTH=<> body=8bitmime")),
        pack(b"2", strings(b"<far@elsewhere.test>", wanted.encode())),
    ])  # fmt: skip

    async def story(here: Desk) -> None:
        async with asked(here, Milter(E=end + CONTINUE)):
            one = await stranger(here)
            (answer,) = await send(one, "bob@local.test")
            assert said(answer) == "250 2.0.0"
            await one.close()
        (entry,) = await here.db.read(lambda tx: tx.all("SELECT ret, envid, eightbit FROM queued"))
        assert [*entry] == ["HDRS", b"e1", 1]
        (row,) = await here.db.read(lambda tx: tx.all("SELECT notify, orcpt FROM delivery"))
        assert [*row] == ["SUCCESS,DELAY", b"rfc822;f+2Br@there.test"]

    tell(database, data, story)
    told = [(one.filter, one.command, one.what) for one in events.of(FilterUnheeded)]
    assert told == [
        ("milter", "MAIL", "AUTH=<>"),
        ("milter", "RCPT", "NOTIFY=OFTEN"),
        ("milter", "RCPT", "X=1"),
    ]


def test_what_one_changes_the_next_one_sees(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        first = Milter(E=pack(b"b", b"new\r\n") + inserts(0, "X-Top", "1") + CONTINUE)
        second = Milter(E=changes(1, "X-Top", "2") + CONTINUE)
        async with asked(here, first, second):
            one = await stranger(here)
            await send(one, "bob@local.test", octets=LARGE, cut=Blocks(1 << 16))
            await one.close()
        assert second.of("L")[0] == b"X-Top\x001\0"
        assert second.of("B") == [b"new\r\n"]
        (filed,) = await here.inbox(here.bob)
        assert b"\r\nX-Top: 2\r\n" in filed
        assert filed.endswith(b"\r\n\r\nnew\r\n")

    tell(database, data, story)
