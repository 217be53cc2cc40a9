from pathlib import Path

from msgspec.structs import replace

from postroom.admin import accounts, held_posts, lists
from postroom.admin.lists import Changes
from postroom.admin.office import Office
from postroom.directory import list_keys
from postroom.directory.lists import require
from postroom.post import notice
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.queue.rows import Outgoing, Queued
from tests.conftest import Opener
from tests.directory.town import at
from tests.fakes import Clock
from tests.web.browser import PASSWORD, PERSON, Browser, tell

DEV = "/me/lists/dev@demo.test"


async def waits(office: Office) -> str:
    """A post that waits for an owner of dev@demo.test; its id."""
    of = await office.directory.look(lambda tx: require(tx, at("dev@demo.test")))
    ident, now = office.ids.next(), office.now()
    key = office.directory.secrets.srs
    to = of.sub(list_keys.signed("accepted", of.id, key, scope=ident))
    blob = office.blobs.small(b"Subject: x\r\n\r\n", b"y\r\n")
    made = notice.written(office, b"Subject: A <b>post</b>\r\n\r\ny\r\n", remote=["z@far.test"])
    assert made.entry is not None
    await Post(office.db, office.blobs, office.notify, office.clock).commit(
        Letter(
            blob=blob,
            queued=Queued(
                id=ident,
                blob_id=blob.id,
                sender=b"eve@far.test",
                size=1,
                accepted=now,
                is_held=True,
            ),
            outgoing=(Outgoing(ident, 0, to.encode(), "demo.test"),),
            entry=replace(made.entry, id=ident),
        )
    )
    (view,) = [one async for one in held_posts.every(office, "dev@demo.test")]
    return view.id


def test_an_administrator_makes_a_list_and_takes_it_away(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/lists")
        assert "There are none." in browser.text
        fields = {
            "address": "dev@demo.test",
            "name": "Developers",
            "owners": f"{PERSON}, o@far.test",
        }
        said = await browser.post("/admin/lists", fields)
        assert (said.status, said.headers["location"]) == (303, "/admin/lists/dev%40demo.test")
        await browser.get("/admin/lists?q=develop")
        assert "dev@demo.test Developers 0 members" in browser.text
        assert (await lists.show(office, "dev@demo.test")).owners == (PERSON, "o@far.test")
        await browser.get("/admin/lists/dev@demo.test")
        assert (
            await browser.post("/admin/lists/remove", {"address": "dev@demo.test"})
        ).status == 303
        assert (await browser.get("/admin/lists/dev@demo.test")).status == 404

    tell(database, data, story)


def test_who_looks_after_a_list_does_so_and_nobody_else(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await lists.add(office, "dev@demo.test", Changes(owners=(PERSON,)))
        await accounts.add(office, "ida@demo.test", password=PASSWORD)
        owner, other = browser.another(), browser.another()
        await owner.log_in(PERSON)
        await other.log_in("ida@demo.test")
        await other.get("/me/lists")
        assert "There are none." in other.text
        assert (await other.get(DEV)).status == 404
        await other.get("/me")
        assert "Looks after" not in other.text
        assert (await other.post(DEV, {"action": "add", "members": "x@far.test"})).status == 404
        await owner.get("/me")
        assert "Looks after 1 mailing list" in owner.text
        await owner.get("/me/lists")
        assert "dev@demo.test : 0 members" in owner.text
        await owner.get(DEV)
        fields = {"action": "add", "members": "x@far.test\ny@far.test, z@far.test"}
        said = await owner.post(DEV, fields)
        assert (said.status, said.headers["location"]) == (303, "/me/lists/dev%40demo.test#done")
        for action, words in (
            ("suspend", "gets nothing"),
            ("resume", "gets posts"),
            ("remove", "There are none like that."),
        ):
            await owner.get(DEV)
            assert (await owner.post(DEV, {"action": action, "member": "x@far.test"})).status == 303
            await owner.get(f"{DEV}?q=x@far")
            assert words in owner.text, action
        await owner.get(DEV)
        assert "2 of 2 shown" in owner.text

    tell(database, data, story)


def test_settings_are_saved_as_a_whole(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await lists.add(office, "dev@demo.test", Changes(owners=(PERSON,), max_size=1))
        await browser.get("/admin/lists/dev@demo.test")
        assert 'name="max_size" inputmode="numeric" size="6" value="1"' in browser.page
        fields = {
            "action": "settings", "name": "New", "posting": "anyone", "moderation": "all",
            "subscribing": "open", "rewrite_from": "never", "max_size": "7", "owners": "", "archive": PERSON,
        }  # fmt: skip
        path = "/admin/lists/dev@demo.test"
        assert (await browser.post(path, fields)).status == 303
        found = await lists.show(office, "dev@demo.test")
        assert (found.name, found.posting, found.moderation, found.subscribing) == (
            "New", "anyone", "all", "open",
        )  # fmt: skip
        assert found.rewrite_from == "never"
        assert (found.own_copy, found.max_size, found.owners, found.archive) == (
            False, 7 * 1024 * 1024, (), (PERSON,),
        )  # fmt: skip
        for wrong in (
            {"posting": "x"},
            {"rewrite_from": "x"},
            {"max_size": "-1"},
            {"action": "y"},
            {"archive": "no address"},
        ):
            await browser.get(path)
            assert (await browser.post(path, {**fields, **wrong})).status == 400, wrong
        assert await lists.show(office, "dev@demo.test") == found

    tell(database, data, story)


def test_a_post_is_accepted_or_rejected_by_its_own_list_only(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await lists.add(office, "dev@demo.test", Changes(owners=(PERSON,)))
        await lists.add(office, "news@demo.test", Changes())
        ident = await waits(office)
        await browser.get("/admin/lists/news@demo.test")
        fields = {"action": "accept", "post": ident}
        assert (await browser.post("/admin/lists/news@demo.test", fields)).status == 404
        await browser.get("/admin/lists/dev@demo.test")
        assert "eve@far.test A <b>post</b>" in browser.text
        assert (await browser.post("/admin/lists/dev@demo.test", fields)).status == 303
        assert [one async for one in held_posts.every(office, "dev@demo.test")] == []
        fields = {"action": "reject", "post": await waits(office), "because": "it is off topic"}
        await browser.get("/admin/lists/dev@demo.test")
        assert (await browser.post("/admin/lists/dev@demo.test", fields)).status == 303
        assert [one async for one in held_posts.every(office, "dev@demo.test")] == []

    tell(database, data, story)
