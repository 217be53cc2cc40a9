"""What runs for an account, as a server remembers it."""

import asyncio

import pytest

from postroom.directory import filters, rules, scripts, vacations
from postroom.directory.filters import Filter
from postroom.directory.rules import Action as Done, Condition, Rule
from postroom.directory.scripts import SITE
from postroom.directory.sieve_text import rules_text, vacation_text
from postroom.directory.vacations import Vacation as VacationSetting
from postroom.sieve.actions import (
    Action,
    Discard,
    FileInto,
    Keep,
    Outcome,
    Redirect,
    Reject,
    Vacation,
)
from postroom.sieve.compiler import compile_script
from tests.directory.town import Town, Towns


def filtered(name: str, text: str) -> Filter:
    return Filter(name, compile_script(text.encode()), None, len(text))


async def put(t: Town, account: int, name: str, content: str) -> None:
    await t.directory.change(
        lambda tx: scripts.put(tx, account, t.ids.next(), name, content, t.clock())
    )


def test_most_accounts_have_none_and_changes_count_at_once(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            other = t.another()
            assert await t.directory.filter_of(alice.id) is None
            assert await other.filter_of(alice.id) is None
            await put(t, alice.id, "one", "keep;")
            assert await t.directory.filter_of(alice.id) is None
            await t.directory.change(lambda tx: scripts.activate(tx, alice.id, "one"))
            assert await t.directory.filter_of(alice.id) == filtered("one", "keep;")
            assert await t.directory.filter_of(bob.id) is None
            other.hint()
            assert await other.filter_of(alice.id) == filtered("one", "keep;")
            await put(t, alice.id, "one", "discard;")
            assert await t.directory.filter_of(alice.id) == filtered("one", "discard;")
            await t.directory.change(lambda tx: scripts.deactivate(tx, alice.id))
            assert await t.directory.filter_of(alice.id) is None

    asyncio.run(run())


def test_scripts_to_be_included_are_compiled_or_octets(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await put(t, 7, "own", "keep;")
            await put(t, SITE, "site", "discard;")
            await put(t, 7, "old", "nonsense;")
            assert await t.directory.included(7, "own") == compile_script(b"keep;")
            assert await t.directory.included(SITE, "site") == compile_script(b"discard;")
            assert await t.directory.included(7, "old") == b"nonsense;"
            for account, name in ((7, "site"), (SITE, "own"), (8, "own")):
                assert await t.directory.included(account, name) is None
            await put(t, 7, "own", "stop;")
            assert await t.directory.included(7, "own") == compile_script(b"stop;")

    asyncio.run(run())


def test_rules_come_first_then_the_script_and_the_vacation_apart(town: Towns) -> None:
    rule = Rule("all", (Condition("subject", "is", "x"),), (Done("move", "X"), Done("stop")))
    away = VacationSetting("gone", begins="2026-01-01")

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await t.directory.change(lambda tx: rules.add(tx, alice.id, t.ids.next(), rule))
            made = compile_script(rules_text([rule], None).encode())
            found = await t.directory.filter_of(alice.id)
            assert found is not None
            assert (found.name, found.script, found.vacation) == ("", made, None)
            await put(t, alice.id, "one", "keep;")
            await t.directory.change(lambda tx: scripts.activate(tx, alice.id, "one"))
            await t.directory.change(lambda tx: vacations.put(tx, alice.id, away))
            found = await t.directory.filter_of(alice.id)
            assert found is not None
            assert found.name == "one"
            assert found.script == compile_script(rules_text([rule], "one").encode())
            assert found.vacation == compile_script(vacation_text(away).encode())
            await t.directory.change(lambda tx: rules.remove(tx, alice.id, 1))
            await t.directory.change(lambda tx: scripts.deactivate(tx, alice.id))
            found = await t.directory.filter_of(alice.id)
            assert found is not None
            assert (found.name, found.script) == ("", None)

    asyncio.run(run())


def test_a_script_that_is_none_any_more_errs_when_it_runs(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await put(t, 7, "old", "nonsense;")
            await t.directory.change(lambda tx: scripts.activate(tx, 7, "old"))
            found = await t.directory.filter_of(7)
            assert found is not None
            assert found.script == compile_script(rules_text([], "old").encode())

    asyncio.run(run())


REJECT = Reject("no")
VACATION = Vacation(key="k", seconds=1, reason="away")
FORWARD = Redirect(address="x@example.org")


@pytest.mark.parametrize(
    ("actions", "may"),
    [
        ((Keep(),), True),
        ((FileInto(mailbox="a"), FORWARD), True),
        ((FORWARD,), True),
        ((Discard(),), False),
        ((), False),
        ((REJECT,), False),
        ((Keep(), VACATION), False),
    ],
)
def test_what_the_vacation_answers(actions: tuple[Action, ...], *, may: bool) -> None:
    assert filters.may_answer(Outcome(actions=actions)) is may
    assert not filters.may_answer(Outcome(actions=actions, error="line 1"))


def test_the_script_of_the_site_runs_before_everybodys(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            await put(t, bob.id, "own", "discard;")
            await t.directory.change(lambda tx: scripts.activate(tx, bob.id, "own"))
            await put(t, SITE, "all", "keep;")
            assert await t.directory.filter_of(alice.id) is None
            await t.directory.change(lambda tx: scripts.activate(tx, SITE, "all"))
            assert await t.directory.filter_of(alice.id) == filtered("", "keep;")
            found = await t.directory.filter_of(bob.id)
            made = rules_text([], "own", "all")
            assert made.index('include :global :optional "all";') < made.index('"own"')
            assert found is not None
            assert (found.name, found.script) == ("own", compile_script(made.encode()))
            rule = Rule("all", (), (Done("stop"),))
            await t.directory.change(lambda tx: rules.add(tx, alice.id, t.ids.next(), rule))
            found = await t.directory.filter_of(alice.id)
            assert found is not None
            assert found.script == compile_script(rules_text([rule], None, "all").encode())
            await t.directory.change(lambda tx: scripts.deactivate(tx, SITE))
            found = await t.directory.filter_of(bob.id)
            assert found is not None
            assert found.script == compile_script(b"discard;")

    asyncio.run(run())
