from collections.abc import Callable

import pytest

from postroom.admin import accounts, domains, passkeys
from postroom.admin.office import Office
from postroom.directory import passkeys as rows
from postroom.directory.passkeys import Passkey
from postroom.errors import Invalid, NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
BOB = "bob@demo.test"


def test_passkeys_are_listed_renamed_and_removed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        for address in (BOB, "eve@demo.test"):
            await accounts.add(office, address, password="a-Good-one-1")
        found = await office.directory.known(BOB)
        assert found is not None
        one = Passkey(
            office.ids.next(), found.account_id, b"c", b"m", "mx.demo.test", "phone", 0,
            clock(), None,
        )  # fmt: skip
        await office.directory.change(lambda tx: rows.add(tx, one))
        (seen,) = await passkeys.every(office, BOB)
        assert (seen.label, seen.host, seen.last_used) == ("phone", "mx.demo.test", None)
        assert await passkeys.every(office, "eve@demo.test") == ()
        for address, ident in (("eve@demo.test", seen.id), (BOB, "x"), (BOB, "0000000000000")):
            with pytest.raises(NotFound):
                await passkeys.rename(office, address, ident, "x")
            with pytest.raises(NotFound):
                await passkeys.remove(office, address, ident)
        for label in ("", " ", "x" * 101, "a\nb"):
            with pytest.raises(Invalid):
                await passkeys.rename(office, BOB, seen.id, label)
        await passkeys.rename(office, BOB, seen.id, " key ")
        assert (await passkeys.every(office, BOB))[0].label == "key"
        await passkeys.remove(office, BOB, seen.id)
        assert await passkeys.every(office, BOB) == ()

    tell(story)
