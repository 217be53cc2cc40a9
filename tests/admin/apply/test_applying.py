"""A file made true: step by step, and not a step too many."""

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest

from postroom.admin import accounts, aliases, audit, bans, domains, retention
from postroom.admin.apply import applying, exporting, manifest
from postroom.admin.office import Office
from postroom.db.database import Database, Engine, Tx
from postroom.db.open import open_database
from postroom.directory.directory import Directory
from postroom.errors import Invalid, MailError, Refused, StorageFailed
from tests.admin.apply.test_coverage import EXAMPLE
from tests.admin.bureau import Story, logs_in, offices, receivers
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
T = TypeVar("T")

FILE = """
[[domain]]
name = "alias.test"
alias_of = "demo.test"

[[domain]]
name = "Demo.test"
catch_all = "all@demo.test"
journal = "bob@demo.test"
share_suppression = true
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
    done = await applying.apply(
        office, manifest.read(text), prune=prune, dry=dry, places=places, generate=quick
    )
    return [f"{one.action} {one.kind} {one.name} {','.join(one.members)}" for one in done.steps]


async def exported(office: Office, *, with_secrets: bool = False) -> str:
    pieces = exporting.written(office, with_secrets=with_secrets)
    return "".join([one async for one in pieces])


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
            "change tls rule far.test mode",
            "change share bob@demo.test/INBOX with eve@demo.test rights",
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


def test_bans_of_one_network_are_pruned_one_by_one(tell: Tell) -> None:
    def ban(doors: str) -> str:
        return f'[[ban]]\nnetwork = "192.0.2.0/24"\ndoors = "{doors}"\n'

    async def story(office: Office, clock: Clock) -> None:
        await apply(office, ban("all") + ban("login") + ban("smtp"))
        assert await apply(office, ban("all"), prune=True) == [
            "remove ban 192.0.2.0/24 (login) ",
            "remove ban 192.0.2.0/24 (smtp) ",
        ]
        assert [one.doors async for one in bans.every(office)] == ["all"]

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


def test_what_stands_twice_or_otherwise_is_refused(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(Invalid, match="domain a.test stands twice"):
            await apply(office, '[[domain]]\nname = "a.test"\n[[domain]]\nname = "A.test"')
        await apply(office, '[[domain]]\nname = "a.test"\n[[domain]]\nname = "b.test"')
        with pytest.raises(Invalid, match="domain b.test is no alias here"):
            await apply(office, '[[domain]]\nname = "b.test"\nalias_of = "a.test"')
        with pytest.raises(Invalid, match="@@"):
            await apply(office, '[[account]]\naddress = "a@@b"')

    tell(story)


class Mortal:
    """A database that dies after so many writes: nothing is written from then on."""

    def __init__(self, db: Database, writes: int) -> None:
        self._db = db
        self.left = writes
        self.read, self.submit, self.close = db.read, db.submit, db.close

    @property
    def engine(self) -> Engine:
        return self._db.engine

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
        if not self.left:
            raise StorageFailed(detail="it has died")
        self.left -= 1
        return await self._db.write(fn, bulk=bulk)


@pytest.mark.parametrize("form", ["small", "example"])
def test_what_dies_at_any_write_is_ended_by_the_next_run(form: str, tmp_path: Path) -> None:
    """A kill comes between two transactions, or before the first."""
    text = FILE if form == "small" else EXAMPLE.read_text("utf-8")

    async def story() -> None:
        clock, whole, deaths = Clock(), "", 0
        for writes in itertools.count(0, 1 if form == "small" else 3):
            folder = tmp_path / f"{writes}"
            mortal: list[Mortal] = []

            @contextlib.asynccontextmanager
            async def opened() -> AsyncIterator[Database]:
                db = await open_database(folder)  # noqa: B023
                mortal.append(Mortal(db, writes))  # noqa: B023
                try:
                    yield mortal[0]  # noqa: B023
                finally:
                    await db.close()

            async with offices(opened, folder, clock)() as office:
                try:
                    await apply(office, text)
                except (MailError, Refused):
                    deaths += 1
                    mortal[0].left = 1_000
                    await apply(office, text)
                    assert await apply(office, text) == []
                    assert await exported(office) == (whole or await exported(office))
                    whole = whole or await exported(office)
                else:
                    assert await exported(office) == whole
                    break
        assert deaths > 10

    asyncio.run(story())


def test_what_somebody_does_meanwhile_stops_it_and_says_where(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await apply(office, '[[domain]]\nname = "demo.test"')

        text = "".join(
            f'[[alias]]\naddress = "{name}@demo.test"\ntargets = ["x@far.test"]\n'
            for name in ("one", "two")
        )
        made = 0

        async def meddle(change: Callable[[Tx], T]) -> T:
            nonlocal made
            made += 1
            if made == 2:
                await aliases.add(office, "two@demo.test", ["y@far.test"])
            return await office.directory.change(change)

        directory = Meddled(office.directory, meddle)
        other = dataclasses.replace(office, directory=cast("Directory", directory))
        with pytest.raises(Refused, match=r"add alias two@demo\.test: .* \(1 of 2 steps"):
            await apply(other, text)
        assert await apply(office, text) == ["change alias two@demo.test targets"]

    tell(story)


class Meddled:
    """A directory whose changes go through somebody else first."""

    def __init__(self, directory: Directory, change: Callable[..., Awaitable[object]]) -> None:
        self._directory = directory
        self.change = change

    def __getattr__(self, name: str) -> object:
        return getattr(self._directory, name)


def test_the_audit_log_tells_every_change(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await apply(office, EXAMPLE.read_text("utf-8"))
        told = {one.action async for one in audit.every(office)}
        assert told == {
            "domain.add", "domain.change", "domain.journal", "suppression.share", "domain.limits", "domain.add-backup", "account.add",
            "account.change", "account.role", "account.digest", "suppression.use", "suppression.add", "account.address.add", "send-as.grant",
            "senders.add", "forward.set", "retention.replace", "rule.replace", "mask.add",
            "script.put", "vacation.set", "spam.level", "fetch.add", "alias.add", "list.add", "list.change", "list.members.add", "list.members.suspend", "relay.add",
            "tls-rule.set", "share.add", "webhook.add", "webhook.switch", "ban.add", "dns-provider.add",
        }  # fmt: skip
        await apply(office, "", prune=True)
        gone = {one.action async for one in audit.every(office)} - told
        assert gone == {
            "share.remove", "webhook.remove", "script.deactivate", "script.remove", "tls-rule.remove", "relay.remove",
            "alias.remove", "list.remove", "ban.remove", "account.remove", "domain.remove-backup",
            "domain.remove",
        }  # fmt: skip
        details = repr([one.detail async for one in audit.every(office)])
        for secret in ("a long secret", "correct horse", "whsec_", "a token of"):
            assert secret not in details

    tell(story)
