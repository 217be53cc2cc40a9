"""Milters hear of lines that are no command of ours, and may answer them."""

from pathlib import Path

import pytest

from postroom.protocol.milter.packets import pack
from postroom.protocol.smtp.events import Unknown
from postroom.protocol.smtp.replies import UNKNOWN_COMMAND
from postroom.telemetry.events import FilterFailed
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import LETTER, Desk, mail, rcpt, said, send
from tests.intake.milters import asked, stranger, tell
from tests.intake.test_milters import REFUSALS
from tests.policy.filters.libmilter import (
    ACCEPT,
    CONTINUE,
    DISCARD,
    REJECT,
    SHUTDOWN,
    Milter,
    options,
)

WIZ = Unknown("WIZ all", UNKNOWN_COMMAND)


@pytest.mark.parametrize(("told", "code"), REFUSALS)
def test_it_may_answer_what_is_no_command_of_ours(
    database: Opener, data: Path, told: bytes, code: str
) -> None:
    async def story(here: Desk) -> None:
        fake = Milter(U=[told, CONTINUE, told, DISCARD])
        async with asked(here, Milter(), fake):
            one = here.open()
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND  # before EHLO nobody is there
            await one.greet("client.example", esmtp=True)
            assert said(await one.unknown(WIZ)) == code
            assert fake.of("U") == [b"WIZ all\0"]
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND
            await one.mail(mail())
            assert said(await one.unknown(WIZ)) == code
            assert (
                said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"
            )  # the message goes on
            await one.data()
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert fake.steps == "OCHUMURTLNBE"
            assert len(await here.inbox(here.bob)) == 1
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND  # of no message nothing is discarded
            assert said((await send(one, "bob@local.test"))[0]) == "250 2.0.0"
            assert len(await here.inbox(here.bob)) == 2
            await one.close()

    tell(database, data, story)


@pytest.mark.parametrize(
    ("agreed", "answers", "silent", "heard"),
    [
        (options(steps=0x100), {"U": REJECT}, "", "OCHMRTLNBE"),
        (options(version=2), {"U": REJECT}, "", "OCHMRLNBE"),
        (options(steps=0x20000), {}, "U", "OCHUMURUTLNBE"),
        (options(), {"H": ACCEPT, "U": REJECT}, "", "OCH"),
        (options(), {"M": ACCEPT}, "", "OCHUM"),
    ],
    ids=["not wanted", "too old", "not answered", "of this client nothing", "of this message"],
)
def test_who_does_not_answer_it(
    database: Opener, data: Path, agreed: bytes, answers: dict[str, bytes], silent: str, heard: str
) -> None:
    async def story(here: Desk) -> None:
        fake = Milter(agreed=agreed, **answers)
        fake.silent = silent
        async with asked(here, fake):
            one = await stranger(here)
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND
            await one.mail(mail())
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND
            await one.rcpt(rcpt("bob@local.test"))
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND
            await one.data()
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert fake.steps == heard
            await one.close()

    tell(database, data, story)


def test_one_that_fails_there(database: Opener, data: Path, events: Recorder) -> None:
    async def story(here: Desk) -> None:
        fake = Milter(U=b"")
        async with asked(here, fake, on_failure="defer"):
            one = await stranger(here)
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND
            assert events.of(FilterFailed) == []  # between messages it may go and come again
            assert said(await one.mail(mail())) == "250 2.1.0"
            assert fake.connections == 2
            fake.answers["U"] = pack(b"?")
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND
            assert len(events.of(FilterFailed)) == 1
            assert said(await one.rcpt(rcpt("bob@local.test"))) == "451 4.7.1"
            assert said(await one.mail(mail())) == "250 2.1.0"
            await one.close()

    tell(database, data, story)


def test_listeners_without_checks_have_their_own_answer(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        async with asked(here, Milter(U=REJECT)):
            one = await stranger(here, checks=False)
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND
            await one.close()

    tell(database, data, story)


def test_a_line_makes_no_junk(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        async with asked(here, Milter(U=REJECT), gravest="junk"):
            one = await stranger(here)
            await one.mail(mail())
            assert await one.unknown(WIZ) is UNKNOWN_COMMAND
            await one.rcpt(rcpt("bob@local.test"))
            await one.data()
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
            assert len(await here.inbox(here.bob)) == 1
            await one.close()

    tell(database, data, story)


def test_the_connection_ends_there_too(database: Opener, data: Path) -> None:
    async def story(here: Desk) -> None:
        async with asked(here, Milter(U=SHUTDOWN)):
            one = await stranger(here)
            assert said(await one.unknown(WIZ)) == "421 4.7.0"
            await one.close()

    tell(database, data, story)
