"""What there is to do, in which order."""

from collections.abc import Callable

import pytest

from postroom.admin import accounts, aliases, domains, webhooks
from postroom.admin.apply import applying, manifest, planning
from postroom.admin.filters import scripts
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import Wanted
from postroom.directory.allotments import Allotment
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]


async def plan(office: Office, text: str, *, prune: bool = False) -> list[str]:
    found = planning.steps(office, manifest.read(text), prune=prune, generate=quick)
    return [f"{one.view.action} {one.view.kind} {one.view.name}" async for one in found]


def test_what_others_need_comes_first_and_goes_last(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        text = (
            '[[alias]]\naddress = "all@a.test"\ntargets = ["bob@a.test"]\n'
            '[[account]]\naddress = "bob@a.test"\n'
            '[[domain]]\nname = "b.test"\nalias_of = "a.test"\n'
            '[[domain]]\nname = "a.test"\ncatch_all = "all@a.test"\n'
        )
        assert await plan(office, text) == [
            "add domain a.test", "add domain b.test", "add account bob@a.test",
            "add alias all@a.test", "change domain a.test",
        ]  # fmt: skip
        await applying.apply(office, manifest.read(text), generate=quick)
        assert await plan(office, "") == []
        assert await plan(office, "", prune=True) == [
            "remove alias all@a.test", "remove account bob@a.test", "remove domain b.test",
            "remove domain a.test",
        ]  # fmt: skip

    tell(story)


def test_a_relay_is_changed_in_what_differs(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        wanted = Wanted(host="127.0.0.1", port=9, tls="none", login="me", password="one")
        await relays.add(office, "office", wanted)
        head = '[[relay]]\nname = "Office"\nhost = "127.0.0.1"\nport = 9\ntls = "none"\n'

        async def done(more: str) -> list[str]:
            text = head + more
            places = manifest.Places(text)
            found = await applying.apply(office, manifest.read(text), places=places)
            return [",".join(one.members) for one in found.steps]

        assert await done("") == []
        assert await done('login = "me"\npassword = "one"\n') == []
        assert await done('login = "me"\npassword = "two"\n') == ["password"]
        assert (await relays.load(office, "office")).password == "two"
        assert await done('password = "two"\ntoken = true\n') == ["token"]
        assert (await relays.show(office, "office")).mechanism == "xoauth2"
        assert await done('preset = "mailgun"\n') == ["preset"]
        shown = await relays.show(office, "office")
        assert (shown.host, shown.port, shown.preset) == ("127.0.0.1", 9, "mailgun")
        assert await done('preset = "mailgun"\nlogin = "other"\n') == ["login"]

    tell(story)


def test_a_webhook_without_its_secret_gets_one_that_is_told(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        text = '[[webhook]]\nurl = "https://x.test"\nevents = ["*"]\n'
        done = await applying.apply(office, manifest.read(text))
        (told,) = done.next
        assert told.startswith("the secret of webhook https://x.test (*) is whsec_")
        assert await plan(office, text) == []
        off = manifest.read(text + "on = false\n")
        assert [one.members for one in (await applying.apply(office, off)).steps] == [("on",)]
        (hook,) = await webhooks.every(office)
        assert not hook.is_on

    tell(story)


def test_accounts_that_are_there_by_another_name_are_not_meant(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "a.test", generate=quick)
        await accounts.add(office, "bob@a.test", password=None)
        await accounts.add_address(office, "bob@a.test", "rob@a.test")
        await aliases.add(office, "all@a.test", ["bob@a.test"])
        text = "".join(f'[[account]]\naddress = "{one}@a.test"\n' for one in ("BOB", "rob", "all"))
        assert await plan(office, text) == ["add account rob@a.test", "add account all@a.test"]

    tell(story)


def test_of_the_scripts_of_the_site_another_becomes_active(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        async def done(*active: str) -> list[str]:
            text = "".join(
                f'[[script]]\nname = "{name}"\ntext = "keep;"\nactive = {str(name in active).lower()}\n'
                for name in ("a", "b")
            )
            found = await applying.apply(office, manifest.read(text))
            assert await plan(office, text) == []
            there = await scripts.every(office, scripts.GLOBAL)
            assert [one.name for one in there if one.active] == list(active)
            return [f"{one.action} {one.name} {','.join(one.members)}" for one in found.steps]

        assert await done("a") == ["add a ", "add b "]
        assert await done("b") == ["change a active", "change b active"]
        assert await done("a") == ["change a active", "change b active"]
        assert await done() == ["change a active"]
        await done("a")
        await applying.apply(office, manifest.read(""), prune=True)
        assert await scripts.every(office, scripts.GLOBAL) == []

    tell(story)


def test_no_quota_is_none_also_where_new_accounts_get_one(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "a.test", generate=quick)
        await domains.set_limits(office, "a.test", Allotment(default_quota=9))
        text = (
            '[[account]]\naddress = "bob@a.test"\nquota = 0\n[[account]]\naddress = "eve@a.test"\n'
        )
        await applying.apply(office, manifest.read(text))
        assert await plan(office, text) == []
        found = [(one.address, one.quota) async for one in accounts.every(office)]
        assert found == [("bob@a.test", 0), ("eve@a.test", 9)]
        await domains.set_limits(office, "a.test", Allotment(total_quota=90, default_quota=9))
        text = text.replace("bob", "rob")
        with pytest.raises(manifest.Faulty, match="every account of a.test needs a quota"):
            await applying.apply(office, manifest.read(text))
        assert [one.address async for one in accounts.every(office)] == ["bob@a.test", "eve@a.test"]

    tell(story)
