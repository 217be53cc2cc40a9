"""Journal copies of our own notices, and what is left when one can't be made."""

import asyncio
import errno
from pathlib import Path

from postroom.blobs.store import BlobStore
from postroom.post import journal
from postroom.post.journal import Seen, addressed
from tests.conftest import Opener
from tests.directory.town import at
from tests.intake.desk import LARGE, desk, nothing_left, said, send
from tests.post.test_notice import OCTETS


def test_a_notice_is_copied_where_its_speaker_has_a_journal(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.journal("local.test", "archive@vault.test")
            for speaker, expected in (
                ("", ["v@far.test"]),
                ("bob@other.test", ["v@far.test"]),
                ("bob@local.test", ["v@far.test", "archive@vault.test"]),
            ):
                letter = await addressed(
                    here.services, here.town.directory, at("v@far.test"), OCTETS, speaker=speaker
                )
                assert letter is not None
                before = len(await here.queue())
                await here.post.commit(letter)
                assert [name for name, _ in (await here.queue())[before:]] == expected
            ((_, notice), (_, report)) = (await here.leaving())[-2:]
            assert notice == OCTETS
            assert OCTETS in report
            assert b"\r\nSender: <>\r\n" in report
            assert b"\r\nRecipient: v@far.test\r\n" in report
            assert (
                await addressed(
                    here.services, here.town.directory, at("no@local.test"), OCTETS, speaker="x@y.z"
                )
            ) is None

    asyncio.run(run())


def test_nothing_is_left_of_copies_that_fail(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.domain("other.test")
            await here.town.account("carol@other.test")
            await here.town.journal("local.test", "a@vault.test")
            await here.town.journal("other.test", "b@vault.test")
            made: list[str] = []

            def full(step: str) -> None:
                made.extend([step] if step == "created" else [])
                if len(made) == 3:  # the message, the first copy, the second copy
                    raise OSError(errno.ENOSPC, "the disk is full")

            blobs = BlobStore(data, here.db.engine, here.ids, step=full)
            here.change(blobs=blobs)
            one = here.open()
            await one.greet("client.example", esmtp=True)
            (answer,) = await send(one, "bob@local.test", "carol@other.test", octets=LARGE)
            assert said(answer) == "452 4.3.1"
            assert len(made) == 3
            await nothing_left(here)

    asyncio.run(run())


def test_without_an_entry_in_the_ledger_there_is_no_copy(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.journal("local.test", "a@vault.test")
            letter = await addressed(here.services, here.town.directory, at("v@far.test"), OCTETS)
            assert letter is not None
            seen = Seen("", ("bob@local.test",), ("v@far.test",), b"", is_ascii=True)
            plain = type(letter)(blob=letter.blob)
            assert await journal.added(here.services, here.town.directory, plain, seen) is plain

    asyncio.run(run())
