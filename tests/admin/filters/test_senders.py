"""Lists of senders, as a postmaster changes them."""

import pytest

from postroom.admin import accounts, domains
from postroom.admin.filters import senders
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound
from tests.directory.keys import quick
from tests.fakes import Clock

BOB = "bob@demo.test"


async def settle(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, BOB, password="long enough")


def test_senders_are_put_on_lists_and_taken_off(tell) -> None:  # type: ignore[no-untyped-def]
    async def story(office: Office, _clock: Clock) -> None:
        await settle(office)
        assert (await senders.show(office, BOB, "block")).senders == ()
        found = await senders.add(office, BOB, "block", ["Z.example", "a@x.example"])
        assert (found.account, found.list) == (BOB, "block")
        assert found.senders == ("a@x.example", "z.example")
        found = await senders.add(office, BOB, "allow", ["z.example"])
        assert found.senders == ("z.example",)
        assert (await senders.show(office, BOB, "block")).senders == ("a@x.example",)
        found = await senders.remove(office, BOB, "block", ["A@x.example"])
        assert found.senders == ()
        with pytest.raises(NotFound, match="nothing to remove"):
            await senders.remove(office, BOB, "block", ["z.example"])
        with pytest.raises(Invalid, match="is no sender"):
            await senders.add(office, BOB, "block", ["good.example", "a b"])
        with pytest.raises(NotFound, match="no account"):
            await senders.add(office, "eve@demo.test", "block", ["good.example"])
        assert (await senders.show(office, BOB, "block")).senders == ()

    tell(story)
