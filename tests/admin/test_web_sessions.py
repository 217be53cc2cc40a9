from collections.abc import Callable

import pytest

from postroom.admin import accounts, domains, web_sessions
from postroom.admin.office import Office
from postroom.directory import web_sessions as rows
from postroom.directory.web_sessions import WebSession
from postroom.errors import NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
BOB, EVE = "bob@demo.test", "eve@demo.test"


async def begun(office: Office, address: str, *tokens: bytes) -> None:
    found = await office.directory.known(address)
    assert found is not None
    ident, now = found.account_id, office.now()
    for token in tokens:
        one = WebSession(token, ident, 1, now, now, "192.0.2.1", "Firefox", "code")
        await office.db.write(lambda tx, one=one: rows.add(tx, one))  # type: ignore[misc]


def test_sessions_are_listed_and_ended(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        for address in (BOB, EVE):
            await accounts.add(office, address, password="a-Good-one-1")
        await begun(office, BOB, b"1", b"2", b"3")
        await begun(office, EVE, b"4")
        first = await web_sessions.page(office, size=3)
        assert (len(first.items), first.total) == (3, 4)
        rest = await web_sessions.page(office, size=3, after=first.next)
        assert (len(rest.items), rest.next) == (1, "")
        assert len({one.id for one in (*first.items, *rest.items)}) == 4
        for after in ("x", '[1, "zz"]', '["x", 1]'):
            assert (await web_sessions.page(office, after=after)).total == 4
        own = await web_sessions.of(office, BOB)
        assert [(one.account, one.method, one.peer) for one in own] == [
            (BOB, "code", "192.0.2.1")
        ] * 3
        for address, ident in ((EVE, own[0].id), (BOB, "x"), (BOB, "")):
            with pytest.raises(NotFound):
                await web_sessions.end(office, address, ident)
        await web_sessions.end(office, BOB, own[0].id)
        left = await web_sessions.of(office, BOB)
        assert {one.id for one in left} == {one.id for one in own[1:]}
        assert await web_sessions.end_all(office, BOB, but=b"3") == 1
        assert await web_sessions.end_all(office, BOB) == 1
        assert (await web_sessions.page(office, search="EVE@")).total == 1
        clock.advance(rows.IDLE_MS + 1)
        assert (await web_sessions.page(office)).total == 0
        assert await web_sessions.of(office, EVE) == ()

    tell(story)
