"""Accounts elsewhere, as a postmaster sees them."""

from collections.abc import Callable

import msgspec
import pytest

from postroom.admin import accounts, domains, fetching
from postroom.admin.fetching import Wanted
from postroom.admin.moving.remote import Remote
from postroom.admin.office import Office
from postroom.db.locks import ServeLock
from postroom.errors import Invalid, NotFound, Refused
from postroom.net.channel import RemoteFailed
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.net.imap_server import Box, ImapServer
from tests.net.pop3_server import Pop3Server
from tests.net.street import HOST

Tell = Callable[[Story], None]

ALICE = "alice@demo.test"


async def town(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ALICE, password=None)


def there(server: ImapServer | Pop3Server) -> Remote:
    protocol = "imap" if isinstance(server, ImapServer) else "pop3"
    return Remote(protocol, HOST, server.port, "none", "alice", "secret word")  # type: ignore[arg-type]


def test_they_are_added_listed_and_removed(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        async with ImapServer({b"INBOX": Box()}).running() as imap, Pop3Server().running() as pop3:
            one = await fetching.add(office, ALICE, Wanted(there(imap), to="Old", deletes=True))
            await fetching.add(office, ALICE, Wanted(there(pop3), every=60))
            assert (one.account, one.protocol, one.to, one.deletes) == (ALICE, "imap", "Old", True)
            listed = [view async for view in fetching.every(office, ALICE)]
            assert [view.protocol for view in listed] == ["imap", "pop3"]
            assert listed[0] == one
            assert (await fetching.remove(office, one.id)).id == one.id
            assert len([view async for view in fetching.every(office)]) == 1
            with pytest.raises(NotFound):
                await fetching.remove(office, one.id)
            with pytest.raises(Invalid, match="is no id"):
                await fetching.remove(office, "x")

    tell(story)


def test_a_login_that_fails_is_not_kept(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        async with Pop3Server().running() as server:
            wrong = msgspec.structs.replace(there(server), secret="other")
            with pytest.raises(RemoteFailed, match="said no to PASS"):
                await fetching.add(office, ALICE, Wanted(wrong))
            with pytest.raises(Invalid, match="mailbox name"):
                await fetching.add(office, ALICE, Wanted(there(server), to="50%"))
        assert [view async for view in fetching.every(office)] == []

    tell(story)


def test_the_server_is_hurried_while_it_runs(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await town(office)
        async with Pop3Server().running() as server:
            one = await fetching.add(office, ALICE, Wanted(there(server)))
            clock.advance(seconds=50)
            if office.db.engine == "sqlite":
                with pytest.raises(Refused, match="it does not run"):
                    await fetching.run(office, one.id)
            with ServeLock(office.config.folder):
                hurried = await fetching.run(office, one.id)
            assert hurried.next > one.next

    tell(story)
