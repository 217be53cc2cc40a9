"""Webhooks, as a postmaster makes them."""

from collections.abc import Callable

import pytest

from postroom.admin import accounts, audit, domains, webhooks
from postroom.admin.office import Office
from postroom.directory.sealing import seal
from postroom.errors import Invalid, NotFound
from postroom.ledger import hooks
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

URL = "https://hooks.test/x"
Tell = Callable[[Story], None]


def test_they_are_added_listed_and_removed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "bob@demo.test", password=None)
        whole = await webhooks.add(office, URL, ["*"])
        assert set(whole.events) == set(webhooks.EVENTS)
        part = await webhooks.add(office, URL, ["peer.banned"], domain="Demo.test")
        his = await webhooks.add(office, URL, ["mailbox.warned"], account="Bob@demo.test")
        assert (whole.within, part.within, his.within) == ("", "demo.test", "bob@demo.test")
        listed = await webhooks.every(office)
        assert [one.id for one in listed] == [whole.id, part.id, his.id]
        assert not hasattr(listed[0], "secret")
        hook = await office.db.read(lambda tx: hooks.require(tx, webhooks.hook_id(whole.id)))
        assert webhooks.written(webhooks.secret_of(office, hook)) == whole.secret
        assert whole.secret not in str([one async for one in audit.every(office)])
        assert (await webhooks.remove(office, part.id)).url == URL
        with pytest.raises(NotFound, match="no such webhook"):
            await webhooks.remove(office, part.id)
        with pytest.raises(Invalid, match="is no id"):
            await webhooks.remove(office, "x")
        assert seal(office.directory.secrets.seal, b"x", b"y") != hook.secret

    tell(story)


def test_nonsense_is_refused(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        odd = ("https://x.test/\r\nX: y", "https://a@x.test/", "https://", "https://x.test/ä")
        for url in ("http://x.test/", "ftp://x", "x", "https://x.test/" + "x" * 2000, *odd):
            with pytest.raises(Invalid, match="https address"):
                await webhooks.add(office, url, ["*"])
        with pytest.raises(Invalid, match="'all' is no event"):
            await webhooks.add(office, URL, ["all"])
        with pytest.raises(Invalid, match="name an event"):
            await webhooks.add(office, URL, [])
        with pytest.raises(NotFound, match="not a domain"):
            await webhooks.add(office, URL, ["*"], domain="other.test")
        with pytest.raises(Invalid, match="not to both"):
            await webhooks.add(office, URL, ["*"], domain="demo.test", account="b@demo.test")
        await domains.add(office, "alias.test", alias_of="demo.test")
        with pytest.raises(Invalid, match="alias of demo.test; name that one"):
            await webhooks.add(office, URL, ["*"], domain="alias.test")
        assert await webhooks.every(office) == []

    tell(story)
