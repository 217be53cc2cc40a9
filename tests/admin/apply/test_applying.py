"""A file made true: step by step, and not a step too many."""

from collections.abc import Callable

import pytest

from postroom.admin import accounts, audit, domains, retention
from postroom.admin.apply import applying, inventory, manifest
from postroom.admin.office import Office
from postroom.errors import Invalid, Refused
from tests.admin.bureau import Story, logs_in, receivers
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]

FILE = """
[[domain]]
name = "alias.test"
alias_of = "demo.test"

[[domain]]
name = "Demo.test"
catch_all = "all@demo.test"
journal = "bob@demo.test"
separators = "-"
limits = { accounts = 5, aliases = 7 }

[[backup_domain]]
name = "Others.test"

[[account]]
address = "bob@demo.test"
name = "Bob"
quota = 1000
send_limit = 50
addresses = ["rob@demo.test"]
send_as = ["@demo.test"]
block = ["spam.test"]
allow = ["*.good.test"]
forward = { to = ["bob@far.test"], keep = true }

[[account.retention]]
mailbox = "Trash"
days = 7
own_days = 3

[[account.retention]]
mailbox = "Lists/Python"
days = 90

[[account.rule]]
conditions = [{ field = "header:X-Kind", test = "is", value = "list" }]
actions = [{ kind = "move", value = "Lists" }]

[[account.rule]]
match = "any"
conditions = [{ field = "size", test = "over", value = "1M", negated = true }]
actions = [{ kind = "flag", value = "seen" }, { kind = "stop" }]

[[account]]
address = "eve@demo.test"
role = "admin"
administers = ["demo.test"]
disabled = true

[[alias]]
address = "all@demo.test"
targets = ["bob@demo.test", "x@far.test"]

[[relay]]
name = "office"
host = "127.0.0.1"
port = 2525
tls = "none"
use = [{ kind = "default" }, { kind = "account", of = "bob@demo.test" }]

[[tls_rule]]
domain = "far.test"
mode = "verify"

[[share]]
what = "bob@demo.test/INBOX"
grantee = "eve@demo.test"
rights = "rl"
"""


async def apply(office: Office, text: str, *, prune: bool = False, dry: bool = False) -> list[str]:
    places = manifest.Places(text, "f.toml")
    done = await applying.apply(office, manifest.read(text), prune=prune, dry=dry, places=places)
    return [f"{one.action} {one.kind} {one.name} {','.join(one.members)}" for one in done.steps]


async def exported(office: Office, *, with_secrets: bool = False) -> str:
    found = await inventory.current(office, with_secrets=with_secrets)
    return "".join(manifest.written(found))


def test_a_file_is_made_true_and_then_it_is(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        dry = await apply(office, FILE, dry=True)
        assert await apply(office, "") == []
        assert [one async for one in domains.every(office)] == []
        assert await apply(office, FILE) == dry
        assert dry[0].startswith("add domain demo.test")
        bob = await accounts.show(office, "bob@demo.test")
        assert (bob.name, bob.quota, bob.send_limit) == ("Bob", 1000, 50)
        assert (bob.addresses, bob.forwards) == (("rob@demo.test",), ("bob@far.test",))
        eve = await accounts.show(office, "eve@demo.test")
        assert (eve.state, eve.role, eve.administers) == ("disabled", "admin", ("demo.test",))
        assert await receivers(office, "nobody@demo.test") == 3
        assert await apply(office, FILE) == []
        assert await apply(office, FILE.replace('address = "bob@', 'address = "BOB@')) == []
        assert await apply(office, await exported(office)) == []
        assert await apply(office, await exported(office), prune=True) == []

    tell(story)


def test_only_what_differs_changes(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await apply(office, FILE)
        other = (
            FILE.replace('"Bob"', '"Rob"')
            .replace('block = ["spam.test"]', "block = []")
            .replace('"rl"', '"rlw"')
            .replace('mode = "verify"', 'mode = "encrypt"')
            .replace("2525", "2526")
            .replace(', "x@far.test"]', "]")
            .replace('forward = { to = ["bob@far.test"], keep = true }', "forward = { to = [] }")
        )
        assert await apply(office, other) == [
            "change account bob@demo.test name",
            "change account bob@demo.test block",
            "change account bob@demo.test forward",
            "change alias all@demo.test targets",
            "change relay office port",
            "change tls rule far.test ",
            "change share bob@demo.test/INBOX with eve@demo.test ",
        ]
        assert await apply(office, other) == []
        lone = '[[account]]\naddress = "bob@demo.test"\naddresses = []\nsend_as = []\nrule = []\n'
        assert len(await apply(office, lone)) == 3
        bob = await accounts.show(office, "bob@demo.test")
        assert (bob.name, bob.quota, bob.addresses, bob.send_as) == ("Rob", 1000, (), ())

    tell(story)


def test_how_long_mailboxes_keep_mail_comes_along(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await apply(office, FILE)
        bob = "bob@demo.test"
        kept = {one.mailbox: (one.days, one.by) for one in await retention.show(office, bob)}
        assert (kept["Trash"], kept["Lists/Python"]) == ((3, "owner"), (90, "postmaster"))
        await retention.put(office, bob, "Sent", 400)
        text = await exported(office)
        assert '[[account.retention]]\nmailbox = "Sent"\ndays = 400\n' in text
        step = "change account bob@demo.test retention"
        assert await apply(office, FILE) == [step]
        kept = {one.mailbox: (one.days, one.by) for one in await retention.show(office, bob)}
        assert (kept["Sent"], kept["Trash"]) == ((0, "settings"), (3, "owner"))
        assert await apply(office, text) == [step]
        assert await apply(office, text) == []
        alone = f'[[account]]\naddress = "{bob}"\n'
        assert await apply(office, alone) == []
        assert await apply(office, alone + "retention = []\n") == [step]
        assert "retention = []" in await exported(office)
        twice = '[[account.retention]]\nmailbox = "Trash"\ndays = 1\n' * 2
        with pytest.raises(Invalid, match="names a mailbox twice"):
            await apply(office, alone + twice)
        with pytest.raises(Refused, match="-1 is no number of days"):
            await apply(office, alone + twice[: len(twice) // 2].replace("= 1", "= -1"))

    tell(story)


def test_nothing_is_removed_unless_it_is_pruned(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await apply(office, FILE)
        left = '[[domain]]\nname = "demo.test"\ncatch_all = ""\n\n[[account]]\naddress = "bob@demo.test"\n'
        assert await apply(office, left) == ["change domain demo.test catch_all"]
        gone = await apply(office, left, prune=True)
        assert gone == [
            "remove share bob@demo.test/INBOX with eve@demo.test ",
            "remove tls rule far.test ",
            "remove relay office ",
            "remove alias all@demo.test ",
            "remove account eve@demo.test ",
            "remove backup domain others.test ",
            "remove domain alias.test ",
        ]
        assert await apply(office, left, prune=True) == []
        assert await receivers(office, "bob@demo.test") == 2

    tell(story)


def test_names_in_any_script_are_the_same(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "größe.test", generate=quick)
        await domains.add(office, "alias.test", alias_of="größe.test", generate=quick)
        await accounts.add(office, "ann@größe.test", password=None)
        text = await exported(office)
        assert 'alias_of = "größe.test"' in text
        assert await apply(office, text, prune=True) == []
        assert await apply(office, text.replace("größe.test", "xn--gre-6ka8i.test")) == []

    tell(story)


def test_passwords_come_along_when_they_are_exported(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "bob@demo.test", password="long enough")
        text = await exported(office, with_secrets=True)
        await accounts.remove(office, "bob@demo.test")
        assert await apply(office, text) == ["add account bob@demo.test "]
        assert await logs_in(office, "bob@demo.test", "long enough")
        keys = await office.directory.scram("bob@demo.test", "imap")
        assert len(keys.candidates) == 1
        (entry, *_) = [one async for one in audit.every(office)]
        assert (entry.action, entry.detail) == ("account.add", {})

    tell(story)


def test_what_is_refused_says_which_step(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "b.test")
        with pytest.raises(Refused, match=r"add alias a@b\.test: .* \(0 of 1 steps"):
            await apply(office, '[[alias]]\naddress = "a@b.test"\ntargets = ["a@b.test"]')
        await domains.remove(office, "b.test")
        with pytest.raises(Invalid, match="domain a.test stands twice"):
            await apply(office, '[[domain]]\nname = "a.test"\n[[domain]]\nname = "A.test"')
        await apply(office, '[[domain]]\nname = "a.test"\n[[domain]]\nname = "b.test"')
        with pytest.raises(Invalid, match="domain b.test is no alias here"):
            await apply(office, '[[domain]]\nname = "b.test"\nalias_of = "a.test"')
        with pytest.raises(Invalid, match="@@"):
            await apply(office, '[[account]]\naddress = "a@@b"')

    tell(story)
