"""What each kind of job does, and says of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from postroom.admin.backup import schedule
from postroom.admin.jobs import files, views, wishes
from postroom.admin.jobs.views import JobView, Report
from postroom.admin.moving.remote import Remote
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.backup import Backup
from tests.admin.backup.vault import config
from tests.admin.bureau import Story
from tests.admin.jobs.working import ALICE, done, town
from tests.fakes import Clock
from tests.net.imap_server import Box, ImapServer, Message
from tests.net.street import HOST

Tell = Callable[[Story], None]
MBOX = b"From a@x.test Thu Nov 26 02:36:09 2026\nSubject: x\n\nx\n"


async def uploaded(office: Office, name: str, octets: bytes) -> int:
    ident = office.ids.next()
    path = files.upload(files.make(office, ident), name)
    path.parent.mkdir()
    path.write_bytes(octets)
    return ident


def report(job: JobView) -> Report:
    assert job.report is not None
    return job.report


def test_a_backup_is_taken_and_verified(tmp_path: Path) -> None:
    root = tmp_path / "safe"
    settings = msgspec.structs.replace(config(tmp_path), backup=Backup(path=str(root)))

    async def run() -> None:
        async with open_office(settings) as office:
            await town(office)
            ended = await done(office, await wishes.back_up(office))
            assert (ended.state, "files" in report(ended).said) == ("done", True)
            assert "dies with it" in report(ended).problems[0]
            (one,) = schedule.kept(root)
            ended = await done(office, await wishes.verify(office, one.name))
            assert report(ended).said.startswith("It is whole: ")
            (body,) = one.glob("state-*/postroom.sqlite")
            body.write_bytes(b"other")
            ended = await done(office, await wishes.verify(office, one.name))
            assert report(ended).said.startswith("It is damaged")
            assert report(ended).problem_count > 0

    asyncio.run(run())


def test_mail_comes_from_an_imap_server_and_goes_on_where_it_was(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        boxes = {b"INBOX": Box([Message(n, b"S: %d\r\n\r\nx\r\n" % n) for n in (1, 2, 3)])}
        async with ImapServer(boxes).running() as server:
            there = Remote("imap", HOST, server.port, "none", "ann", server.password)
            job = await wishes.import_imap(office, ALICE, there)
            server.password = "another"
            ended = await done(office, job)
            assert ended.state == "failed"
            server.password = "secret word"
            ended = await done(office, await views.again(office, job.id))
            assert ended.state == "done", ended.report
            assert report(ended).said.startswith("3 messages of 1 folder filed")
            again = await wishes.import_imap(office, ALICE, there)
            assert "0 messages of 1 folder" in report(await done(office, again)).said
            assert "3 had come before" in report(await views.show(office, again.id)).said
            public = msgspec.structs.replace(there, is_public=True)
            ended = await done(office, await wishes.import_imap(office, ALICE, public))
            assert "no public address" in report(ended).said

    tell(story)


def test_an_upload_is_imported_and_removed(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        ident = await uploaded(office, "Old.mbox", MBOX + b"\n" + MBOX)
        job = await wishes.import_file(office, ALICE, ident, "Old.mbox", into="Kept")
        ended = await done(office, job)
        assert ended.state == "done", ended.report
        assert report(ended).said.startswith("2 messages of 1 folder filed")
        assert report(ended).rows == (("There", "Here"), ("Old", "Kept"))
        assert not files.folder(office, ident).exists()
        ident = await uploaded(office, "x.zip", b"nothing")
        ended = await done(office, await wishes.import_file(office, ALICE, ident, "x.zip"))
        assert (ended.state, ended.has_files) == ("failed", True)
        assert "it is no mbox" in report(ended).said

    tell(story)


def test_accounts_are_shown_and_then_made(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        octets = b"address,password,targets\nbob@demo.test,long enough 1,\nx@demo.test,,bob@demo.test\nno,,\n"
        ident = await uploaded(office, "p.csv", octets)
        job = await wishes.import_list(office, ident, "p.csv", "csv")
        ended = await done(office, job)
        assert "2 would be made" in report(ended).said
        assert report(ended).problem_count == 1
        assert ("account", "bob@demo.test", "known", "") in report(ended).rows
        assert "long enough" not in str(report(ended))
        assert not await office.directory.password("bob@demo.test", "long enough 1", "imap")
        ended = await done(office, await wishes.make(office, job.id))
        assert "2 were made" in report(ended).said
        assert (ended.is_trial, ended.has_files) == (False, False)
        assert await office.directory.password("bob@demo.test", "long enough 1", "imap")

    tell(story)


def test_all_mail_is_exported_and_one_export_of_an_account_is_kept(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        ident = await uploaded(office, "Old.mbox", MBOX)
        await done(office, await wishes.import_file(office, ALICE, ident, "Old.mbox"))
        first = await done(office, await wishes.export(office, ALICE, "mbox"))
        assert (first.has_files, report(first).file) == (True, f"{ALICE}.zip")
        second = await done(office, await wishes.export(office, ALICE, "maildir"))
        assert report(second).said.startswith("1 message of ")
        assert report(second).octets > 0
        assert not (await views.show(office, first.id)).has_files

    tell(story)
