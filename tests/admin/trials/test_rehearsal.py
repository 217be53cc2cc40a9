"""Each line is answered, with reasons; nothing stays of it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from postroom.admin.office import Office
from postroom.admin.trials import rehearsal
from postroom.admin.trials.rehearsal import Exchange
from postroom.config.model import Config, Listen
from postroom.errors import Invalid, NotFound
from postroom.intake.intake import Intake
from tests.conftest import Opener
from tests.intake.desk import Desk, desk, nothing_left

HELLO = "EHLO client.example\nMAIL FROM:<ann@client.example>\n"
LETTER = "DATA\nFrom: <ann@client.example>\nSubject: Hello\n\nHi.\n.\n"
Ask = Callable[..., Awaitable[list[Exchange]]]
Story = Callable[[Desk, Ask], Awaitable[None]]


def told(database: Opener, data: Path, story: Story, config: Config | None = None) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            listens = tuple(
                [Listen(protocol=one, port=0) for one in ("smtp", "submission", "lmtp")]
            )
            office = Office(
                config=config or Config(hostname="mx.local.test", listen=listens),
                db=here.db,
                directory=here.town.directory,
                store=here.store,
                blobs=here.blobs,
                notify=here.notify,
                ids=here.ids,
                clock=here.clock,
            )

            async def ask(
                text: str, address: str = "192.0.2.1", door: str = "smtp"
            ) -> list[Exchange]:
                intake = Intake(here.services)
                return await rehearsal.rehearse(office, intake, text, address=address, door=door)

            await story(here, ask)
            await nothing_left(here)

    asyncio.run(run())


def test_a_letter_would_be_taken_and_is_not(database: Opener, data: Path) -> None:
    async def story(here: Desk, ask: Ask) -> None:
        found = await ask(
            HELLO
            + "RCPT TO:<nobody@local.test>\nRCPT TO:<bob@local.test>\n"
            + LETTER
            + "QUIT\nNOOP"
        )
        assert [one.reply[:9] for one in found] == [
            "220 mx.lo", "250-mx.lo", "250 2.1.0", "550 5.1.1", "250 2.1.5", "354 Send ",
            "250 2.0.0", "221 2.0.0",
        ]  # fmt: skip
        assert "STARTTLS" not in found[1].reply
        assert found[3].reasons
        assert "rehearsal" in found[6].reply
        assert "filed in mailboxes: 1" in found[6].reasons[0]
        assert found[6].said.startswith("From: ")
        assert found[6].said.endswith("\n.")
        assert await here.inbox(here.bob) == []
        assert here.files() == []

    told(database, data, story)


def test_doors_differ(database: Opener, data: Path) -> None:
    async def story(_here: Desk, ask: Ask) -> None:
        assert (await ask(HELLO, door="submission"))[-1].reply.startswith("530 5.7.0")
        text = HELLO.replace("EHLO", "LHLO") + 2 * "RCPT TO:<bob@local.test>\n" + LETTER
        last = (await ask(text, door="lmtp"))[-1]
        assert last.reply.count("250 2.0.0") == 2
        relayed = await ask(HELLO + "RCPT TO:<x@far.test>")
        assert relayed[-1].reply.startswith("550 5.7.1")

    told(database, data, story)


def test_what_needs_more_than_lines_is_refused(database: Opener, data: Path) -> None:
    async def story(_here: Desk, ask: Ask) -> None:
        found = await ask("NONSENSE\n" + HELLO + "RSET\nVRFY bob\nAUTH PLAIN AAA=\nSTARTTLS\nDATA")
        replies = [one.reply[:3] for one in found]
        assert replies == ["220", "500", "250", "250", "250", "252", "502", "502", "503"]
        assert (await ask("EHLO x\nMAIL FROM:<>\nRCPT TO:<bob@local.test>\nDATA\nhalf"))[-1] == (
            Exchange("half", "")
        )
        many = await ask("X\n" * 40)
        assert many[-1].reply.startswith("421")

    told(database, data, story)


def test_what_is_no_rehearsal(database: Opener, data: Path) -> None:
    async def story(_here: Desk, ask: Ask) -> None:
        for text, address, door, error in (
            ("NOOP\n" * 501, "192.0.2.1", "smtp", Invalid),
            ("x" * 65_537, "192.0.2.1", "smtp", Invalid),
            ("NOOP", "nobody", "smtp", Invalid),
            ("NOOP", "192.0.2.1", "imap", NotFound),
        ):
            with pytest.raises(error):
                await ask(text, address, door)

    told(database, data, story)
