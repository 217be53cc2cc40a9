from collections.abc import Callable

import pytest

from postroom.admin import audit
from postroom.admin.jobs import files, wishes
from postroom.admin.moving.remote import Remote
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound, Refused
from tests.admin.bureau import Story
from tests.admin.jobs.working import ALICE, town
from tests.fakes import Clock

Tell = Callable[[Story], None]
THERE = Remote("imap", "", 0, "implicit", "ann", "s3cret")


def test_an_import_knows_presets_and_keeps_the_password_sealed(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        job = await wishes.import_imap(office, ALICE, THERE, preset="gmail", into=" Old ")
        assert job.title == "Import from ann at imap.gmail.com"
        rows = await office.db.read(lambda tx: tx.all("SELECT * FROM job"))
        assert "s3cret" not in str(rows)
        assert "s3cret" not in str([one async for one in audit.every(office)])
        for bad, words in (
            ({"preset": "nowhere"}, "no preset"),
            ({}, "name the server"),
            ({"host": "x.test", "into": "a//b"}, "must not be empty"),
        ):
            with pytest.raises(Refused, match=words):
                await wishes.import_imap(office, ALICE, THERE, **bad)  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await wishes.import_imap(office, "nobody@demo.test", THERE, preset="gmail")

    tell(story)


def test_an_account_has_a_few_jobs_at_a_time(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        for _ in range(wishes.MOST_OPEN):
            await wishes.export(office, ALICE, "maildir")
        with pytest.raises(Refused, match="under way"):
            await wishes.export(office, ALICE, "mbox")

    tell(story)


def test_backups_need_a_folder(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        with pytest.raises(Refused, match="name a folder"):
            await wishes.back_up(office)
        with pytest.raises(NotFound):
            await wishes.verify(office, "../x")

    tell(story)


def test_lists_are_made_only_after_a_look(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        ident = office.ids.next()
        files.make(office, ident)
        job = await wishes.import_list(office, ident, "people.csv", "csv", domain="Demo.test")
        assert job.is_trial
        with pytest.raises(Refused, match="look at what would be made"):
            await wishes.make(office, job.id)
        with pytest.raises(Invalid, match="which program"):
            wishes.require_format("word")
        assert wishes.require_format("csv") == "csv"

    tell(story)
