"""What is set up here, as items."""

from collections.abc import Callable

import msgspec

from postroom.admin import accounts, domains
from postroom.admin.apply import inventory
from postroom.admin.apply.items import DomainItem, Forwarding, Manifest
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import Wanted
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock


async def everything(office: Office, *, with_secrets: bool = False) -> Manifest:
    """The whole, in memory."""
    found = [
        one async for some in inventory.people(office, with_secrets=with_secrets) for one in some
    ]
    rest = await inventory.besides_people(office, with_secrets=with_secrets)
    return msgspec.structs.replace(rest, account=tuple(found))


def test_secrets_are_there_only_when_they_are_wanted(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await domains.add(office, "alias.test", alias_of="demo.test", generate=quick)
        await accounts.add(office, "bob@demo.test", password="long enough", name="Bob")
        await accounts.add(office, "app@demo.test", password=None)
        await accounts.add(office, "gone@demo.test", password=None)
        await accounts.remove(office, "gone@demo.test")
        wanted = Wanted(host="127.0.0.1", port=9, tls="none", login="me", password="s3cret")
        await relays.add(office, "office", wanted)
        found = await everything(office)
        assert found.domain[0] == DomainItem(name="alias.test", alias_of="demo.test")
        app, bob = found.account
        assert (app.address, bob.name, bob.role, bob.send_limit) == (
            "app@demo.test", "Bob", "person", "default",
        )  # fmt: skip
        assert bob.forward == Forwarding(to=(), keep=True)
        assert (bob.password, found.relay[0].password) == (None, None)
        whole = await everything(office, with_secrets=True)
        assert whole.relay[0].password == "s3cret"
        app, bob = whole.account
        assert app.password is None
        assert bob.password is not None
        assert bob.password.hash.startswith("$argon2id$")

    tell(story)
