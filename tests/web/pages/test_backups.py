import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec

from postroom.admin.backup import schedule
from postroom.admin.office import Office
from postroom.config.backup import Backup
from postroom.config.model import Config
from postroom.db.database import Database
from postroom.db.open import open_database
from tests.admin.jobs.working import work
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import CONFIG, Browser, tell

HERE = "/admin/backups"


def settings(data: Path) -> Config:
    backup = Backup(path=str(data.parent / "safe"), every=6, keep=3)
    return msgspec.structs.replace(CONFIG, backup=backup, data=str(data))


async def send(browser: Browser, path: str, fields: Mapping[str, str]) -> int:
    await browser.get(HERE)
    return (await browser.post(path, fields)).status


def within(data: Path) -> Opener:
    """A database in the data folder, where a backup looks for it."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Database]:
        db = await open_database(data, None)
        try:
            yield db
        finally:
            await db.close()

    return opened


def test_a_backup_is_taken_verified_and_listed(data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "none yet" in browser.text
        assert "data-live" not in browser.page
        assert await send(browser, HERE, {}) == 303
        await browser.get(HERE)
        assert "Backup Waits for its turn" in browser.text
        assert "data-live" in browser.page
        assert await send(browser, HERE, {}) == 400  # one at a time
        await work(office)
        await browser.get(HERE)
        assert "less than a minute" in browser.text
        assert "Done." in browser.text
        assert "1 remark" in browser.text
        assert "never" in browser.text
        (one,) = schedule.kept(data.parent / "safe")
        assert f"postroom restore {one}" in browser.text
        assert await send(browser, f"{HERE}/verify", {"name": one.name}) == 303
        await work(office)
        await browser.get(HERE)
        assert "whole" in browser.text
        assert await send(browser, f"{HERE}/verify", {"name": "../x"}) == 404

    tell(within(data), data, story, config=settings(data))


def test_jobs_are_stopped_begun_again_and_forgotten(data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await send(browser, HERE, {})
        await browser.get(HERE)
        ident = browser.page.partition('name="id" value="')[2][:13]
        assert await send(browser, f"{HERE}/jobs", {"id": ident, "action": "remove"}) == 400
        assert await send(browser, f"{HERE}/jobs", {"id": ident, "action": "stop"}) == 303
        await browser.get(HERE)
        assert "Stopped. What had come until then stays." in browser.text
        assert await send(browser, f"{HERE}/jobs", {"id": ident, "action": "again"}) == 303
        await work(office)
        assert await send(browser, f"{HERE}/jobs", {"id": ident, "action": "mend"}) == 400
        assert await send(browser, f"{HERE}/jobs", {"id": ident, "action": "remove"}) == 303
        await browser.get(HERE)
        assert "Nothing yet." in browser.text
        assert await send(browser, f"{HERE}/jobs", {"id": ident, "action": "stop"}) == 404

    tell(within(data), data, story, config=settings(data))


def test_without_a_folder_it_says_how_to_name_one(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "No backups are taken." in browser.text
        assert "postroom restore FOLDER" in browser.text
        assert await send(browser, HERE, {}) == 400
        assert "name a folder for backups first" in browser.text

    tell(database, data, story)
