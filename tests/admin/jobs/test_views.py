from collections.abc import Callable

import pytest

from postroom.address import Address
from postroom.admin import accounts, audit
from postroom.admin.jobs import views, wishes
from postroom.admin.office import Office
from postroom.directory import accounts as rows
from postroom.errors import Invalid, NotFound, Refused
from tests.admin.bureau import Story
from tests.admin.jobs.working import ALICE, done, town
from tests.fakes import Clock

Tell = Callable[[Story], None]


def test_a_job_is_stopped_begun_again_and_forgotten(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        alice = await office.directory.look(lambda tx: rows.require(tx, Address.parse(ALICE)).id)
        job = await wishes.export(office, ALICE, "mbox")
        assert (job.state, job.account, job.is_open) == ("waiting", ALICE, True)
        with pytest.raises(Refused, match="has not ended"):
            await views.remove(office, job.id)
        with pytest.raises(NotFound):
            await views.stop(office, job.id, alice + 1)
        assert (await views.stop(office, job.id, alice)).state == "stopped"
        with pytest.raises(NotFound, match="no longer kept"):
            await views.file_of(office, job.id)
        assert (await views.again(office, job.id, alice)).state == "waiting"
        ended = await done(office, job)
        assert (ended.state, ended.has_files) == ("done", True)
        assert (await views.file_of(office, job.id, alice)).name == f"{ALICE}.zip"
        with pytest.raises(Refused, match="has not failed"):
            await views.again(office, job.id)
        await views.remove(office, job.id, alice)
        for ask in (views.show, views.stop, views.again, views.remove, views.file_of):
            with pytest.raises(NotFound):
                await ask(office, job.id)
        with pytest.raises(Invalid):
            await views.show(office, "nonsense")
        actions = [one.action async for one in audit.every(office)]
        assert {"job.stop", "job.again", "job.remove", "export.mail"} <= set(actions)

    tell(story)


def test_jobs_are_listed_in_pages(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        made = [(await wishes.export(office, ALICE, "mbox")).id for _ in range(3)]
        first = await views.page(office, None, size=2)
        assert ([one.id for one in first.items], first.total) == (made[:0:-1], 3)
        second = await views.page(office, None, after=first.next, size=2)
        assert [one.id for one in second.items] == made[:1]
        assert (await views.page(office, 5)).items == ()
        await accounts.remove(office, ALICE)
        assert {one.account for one in (await views.page(office, None)).items} == {ALICE}

    tell(story)
