from pathlib import Path

from postroom.address import Address
from postroom.admin.office import Office
from postroom.directory import accounts
from postroom.directory.accounts import Account
from postroom.ledger import rows
from postroom.ledger.rows import Entry, Fact
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell


async def came(office: Office, subject: str, *, at: Account | None = None) -> None:
    """``at``: somebody behind an alias who had a copy."""
    entry = Entry(
        office.ids.next(), office.now(), "smtp", "192.0.2.1", "mx.x.test", "a@x.test",
        "id@x.test", subject, 100,
    )  # fmt: skip
    facts = []
    if at is not None:
        facts = [
            Fact(entry.id, 1, office.now(), "filed", "team@demo.test", at.id, 1, 1),
            Fact(entry.id, 2, office.now(), "noted", "team@demo.test", at.id, detail="full"),
        ]
    await office.db.write(lambda tx: rows.add(tx, [entry], facts))


def test_the_flow_of_a_day_is_drawn(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        await came(office, "one")
        clock.advance(seconds=7200)
        await came(office, "two")
        await came(office, "three")
        clock.advance(seconds=10)
        assert (await browser.get("/admin")).status == 200
        assert "last 24 hours: 3" in browser.text
        assert "no backups are taken by themselves" in browser.text
        assert "set path under [backup] in postroom.toml" in browser.text
        assert "of 100" in browser.text
        assert 'role="alert"' not in browser.page
        assert "<title>1 hours ago: 2</title>" in browser.page
        assert "<title>3 hours ago: 1</title>" in browser.page

    tell(database, data, story)


def test_a_story_is_found_and_what_strangers_wrote_is_text(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        person = await office.directory.look(lambda tx: accounts.require(tx, Address.parse(PERSON)))
        await came(office, "to all", at=person)
        await browser.get("/admin/trace?q=id@x.test")
        assert f"filed team@demo.test a mailbox since deleted of {PERSON}" in browser.text
        assert f"noted team@demo.test {PERSON}: full" in browser.text
        await came(office, "<img src=x onerror=y>")
        await browser.get("/admin/trace?q=id@x.test")
        assert "<img" not in browser.page
        assert "<img src=x onerror=y>" in browser.text
        await browser.get("/admin/trace?q=unknown@y.test")
        assert "nothing is known of unknown@y.test" in browser.text
        assert (await browser.get("/admin/trace")).status == 200

    tell(database, data, story)
