"""What would be refused is known from a copy, and nothing is changed."""

from collections.abc import Callable

import pytest

from postroom.admin import accounts, aliases, audit, domains
from postroom.admin.apply import applying, coverage, manifest, rehearsal
from postroom.admin.apply.steps import Step, StepView, doing
from postroom.admin.office import Office
from postroom.db.database import Tx
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]

GOOD = """
[[account]]
address = "new@demo.test"

"""
PASSWORD = 'hash = "x", salt = "", rounds = 1, stored_key = "", server_key = ""'


async def shown(office: Office) -> tuple[int, int]:
    """How much there is, and how much was ever changed."""
    entries = [one async for one in audit.every(office)]
    rows = await office.db.read(
        lambda tx: sum(_count(tx, table) for table in coverage.HELD if table != "dkim_key")
    )
    return len(entries), rows


def _count(tx: Tx, table: str) -> int:
    row = tx.one(f"SELECT count(*) FROM {table}")
    return int(row[0]) if row else 0


FAULTS = {
    "a loop": (
        ('[[alias]]\naddress = "a@demo.test"\ntargets = ["b@demo.test"]\n'
        '[[alias]]\naddress = "b@demo.test"\ntargets = ["a@demo.test"]\n'),
        ["line 8: add alias b@demo.test: b@demo.test would be a loop: b@demo.test -> a@demo.test"],
    ),
    "a loop of forwards": (
        ('[[account]]\naddress = "a@demo.test"\nforward = { to = ["bob@demo.test"] }\n'
        '[[account]]\naddress = "bob@demo.test"\nforward = { to = ["a@demo.test"] }\n'),
        [         "line 8: change account bob@demo.test: "],
    ),
    "nobody": (
        ('[[alias]]\naddress = "a@demo.test"\ntargets = ["bob@demo.test", "no@demo.test", "x@far.test"]\n'
        '[[account]]\naddress = "bob@demo.test"\nforward = { to = ["none@demo.test"] }\n'),
        ["line 8: bob@demo.test leads to none@demo.test, which is no account or alias here",
         "line 5: a@demo.test leads to no@demo.test, which is no account or alias here"],
    ),
    "catch-all and journal": (
        ('[[domain]]\nname = "demo.test"\ncatch_all = "no@demo.test"\n'
        '[[domain]]\nname = "other.test"\njournal = "no@demo.test"\n'),
        ["line 5: change domain demo.test: no account or alias no@demo.test",
         "line 8: change domain other.test: no account or alias no@demo.test"],
    ),
    "retention": (
        ('[[account]]\naddress = "a@demo.test"\n'
        '[[account.retention]]\nmailbox = "Trash"\ndays = 40000\n'),
        ["line 5: change account a@demo.test: 40000 is no number of days"],
    ),
    "limits": (
        ('[[account]]\naddress = "a@demo.test"\nsend_limit = -1\n'
        '[[account]]\naddress = "b@demo.test"\nquota = -1\n'
        '[[account]]\naddress = "c@demo.test"\nmessage_quota = -1\n'),
        ["line 5: a limit is", "line 8: a quota is", "line 11: a quota of messages is"],
    ),
    "relays": (
        ('[[relay]]\nname = "a"\nhost = "mx.far.test"\nport = 0\ntls = "none"\n'
        '[[relay]]\nname = "b"\nhost = "mx.far.test"\nport = 25\ntls = "starttls"\nlogin = "me"\n'
        '[[relay]]\nname = "c"\nhost = "mx.far.test"\nport = 25\ntls = "starttls"\n'
        'use = [{ kind = "account", of = "no@demo.test" }]\n'
        '[[relay]]\nname = "d"\nhost = "mx.far.test"\nport = 25\ntls = "starttls"\n'
        'use = [{ kind = "sender-domain", of = "far.test" }]\n'),
        ["line 5: add relay a: 0 is no port", "line 10: add relay b: the login me needs a password",
         "line 16: add relay c: no account no@demo.test",
         "line 22: add relay d: far.test is not a domain"],
    ),
    "shares": (
        ('[[share]]\nwhat = "bob@demo.test/None"\ngrantee = "anyone"\nrights = "read"\n'
        '[[share]]\nwhat = "bob@demo.test"\ngrantee = "no@demo.test"\nrights = "read"\n'
        '[[share]]\nwhat = "bob@demo.test"\ngrantee = "bob@demo.test"\nrights = "read"\n'
        '[[share]]\nwhat = "bob@demo.test"\ngrantee = "anyone"\nrights = "z"\n'),
        ["line 17: there is no right 'z'",
         "line 5: add share bob@demo.test/None with anyone: bob@demo.test has no mailbox 'None'",
         "line 9: add share bob@demo.test with no@demo.test: no@demo.test is no account",
         "line 13: add share bob@demo.test with bob@demo.test: an account always has"],
    ),
    "addresses": (
        ('[[account]]\naddress = "a@far.test"\n'
        '[[account]]\naddress = "b@demo.test"\naddresses = ["new@demo.test"]\n'
        '[[alias]]\naddress = "bob@demo.test"\ntargets = ["x@far.test"]\n'),
        ["line 5: far.test is neither a domain here nor one of the file",
         "line 7: new@demo.test is taken already: f.toml, line 2",
         "line 10: add alias bob@demo.test: bob@demo.test is an account already"],
    ),
    "filters": (
        ('[[account]]\naddress = "a@demo.test"\n[[account.script]]\nname = "x"\ntext = "if {"\n'
        '[[account]]\naddress = "b@demo.test"\nvacation = { text = "x", days = 0 }\n'
        '[[account]]\naddress = "c@demo.test"\nspam_level = "no"\n'
        '[[account]]\naddress = "d@demo.test"\n[[account.rule]]\nactions = []\n'),
        ["line 16: the rule does nothing", "line 5: change account a@demo.test: line 1",
         "line 10: change account b@demo.test: between two answers",
         "line 13: change account c@demo.test: 'no' is no level of the spam filter"],
    ),
    "the rest": (
        ('[[webhook]]\nurl = "http://far.test"\nevents = ["*"]\n'
        '[[webhook]]\nurl = "https://far.test"\nevents = ["no"]\n'
        '[[webhook]]\nurl = "https://far.test"\nevents = ["*"]\naccount = "no@demo.test"\n'
        '[[ban]]\nnetwork = "127.0.0.1"\n[[ban]]\nnetwork = "192.0.2.1"\nuntil = "2001-01-01"\n'
        '[[tls_rule]]\ndomain = "a b"\nmode = "verify"\n'
        '[[dns_provider]]\nname = "x"\nkind = "rfc2136"\nzones = ["demo.test"]\nsecret = "s"\n'
        '[[script]]\nname = "a/b"\ntext = ""\n'),
        ["line 20: ", "line 8: 'no' is no event", "line 15: 127.0.0.1: this machine itself",
         "line 28: add script a/b: 'a/b' is no name",
         "line 5: add webhook", "line 11: add webhook", "line 17: add ban 192.0.2.1",
         "line 23: add dns provider x: name the server"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_is_found_before_anything_is_done(kind: str, tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        for name in ("demo.test", "other.test"):
            await domains.add(office, name, generate=quick)
        await accounts.add(office, "bob@demo.test", password=None)
        before = await shown(office)
        text, wanted = FAULTS[kind]
        text = GOOD + text
        for dry in (True, False):
            with pytest.raises(manifest.Faulty) as error:
                await applying.apply(
                    office, manifest.read(text), dry=dry, places=manifest.Places(text, "f.toml")
                )
            told = [one.removeprefix("f.toml, ") for one in error.value.faults]
            assert [one[: len(start)] for one, start in zip(told, wanted, strict=True)] == wanted
        assert await shown(office) == before

    tell(story)


def test_of_each_item_the_first_is_told_and_nothing_that_comes_of_it(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        text = (
            '[[account]]\naddress = "bob@demo.test"\nquota = -1\n'
            '[[alias]]\naddress = "all@demo.test"\ntargets = ["bob@demo.test"]\n'
            '[[account]]\naddress = "eve@demo.test"\nsend_as = ["@no.test"]\n'
            'forward = { to = ["eve@demo.test"] }\n'
        )
        with pytest.raises(manifest.Faulty) as error:
            await applying.apply(office, manifest.read(text), places=manifest.Places(text, "f"))
        assert [one.partition(": ")[0] for one in error.value.faults] == ["f, line 1", "f, line 7"]

    tell(story)


def test_what_is_there_already_counts(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await domains.add(office, "alias.test", alias_of="demo.test", generate=quick)
        await accounts.add(office, "bob@demo.test", password=None)
        await aliases.add(office, "all@demo.test", ["gone@demo.test"])
        text = (
            '[[alias]]\naddress = "all@demo.test"\ntargets = ["gone@demo.test"]\n'
            '[[alias]]\naddress = "two@demo.test"\n'
            'targets = ["bob+x@alias.test", "all@demo.test"]\n'
        )
        done = await applying.apply(office, manifest.read(text))
        assert [one.name for one in done.steps] == ["two@demo.test"]

    tell(story)


def test_a_copy_lives_by_itself(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        step = Step(
            StepView("add", "account", "a@demo.test"),
            doing(accounts.add, "a@demo.test", password=None),
        )
        async with rehearsal.rehearsal(office) as copy:
            assert await copy.missing(["a@demo.test", "x@far.test"]) == ["a@demo.test"]
            assert await copy.refused([step]) == []
            assert await copy.missing(["a@demo.test"]) == []
            (refused,) = await copy.refused([step])
            assert refused == (step, "a@demo.test is an account already")
        assert [one async for one in accounts.every(office)] == []

    tell(story)
