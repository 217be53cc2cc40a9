from collections.abc import Callable

import pytest

from postroom.admin.jobs import files, wishes
from postroom.admin.jobs.views import job_id
from postroom.admin.office import Office
from postroom.errors import Refused
from tests.admin.bureau import Story
from tests.admin.jobs.working import ALICE, town
from tests.fakes import Clock


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("mail.mbox", "mail.mbox"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\Mail.zip", "Mail.zip"),
        ("a\0b\n<c>.tar", "a_b__c_.tar"),
        (".hidden", "hidden"),
        ("größer.mbox", "größer.mbox"),
        ("..", "upload"),
        ("", "upload"),
        ("x" * 500 + ".mbox", "x" * 95 + ".mbox"),
    ],
)
def test_names_of_others_become_harmless(name: str, plain: str) -> None:
    assert files.plain_name(name) == plain


def test_files_go_with_their_job(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await town(office)
        job = await wishes.export(office, ALICE, "mbox")
        kept = files.make(office, job_id(job.id))
        assert kept.stat().st_mode & 0o777 == 0o700
        alone = files.make(office, office.ids.next())
        (kept.parent / "of others").mkdir()
        clock.advance(1)
        assert await files.sweep(office) == 0  # it may be an upload that goes on
        assert await files.sweep(office, of_all=True) == 1
        assert (kept.exists(), alone.exists()) == (True, False)
        late = files.make(office, office.ids.next())
        clock.advance(days=2)
        assert await files.sweep(office) == 1
        assert (kept.exists(), late.exists()) == (True, False)
        files.remove(office, job_id(job.id))
        assert not kept.exists()

    tell(story)


def test_the_reserve_of_the_disk_stays(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        files.require_room(office, 1)
        with pytest.raises(Refused, match="no room"):
            files.require_room(office, 1 << 60)

    tell(story)
