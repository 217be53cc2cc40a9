"""Rules of accounts: their order, and that it has no gaps."""

import asyncio

import pytest

from postroom.directory import accounts, rules
from postroom.directory.rules import MAX_RULES, Action, Condition, Rule
from postroom.errors import Invalid, NotFound
from tests.directory.town import Town, Towns

RULES = [
    Rule("all", (Condition("subject", "contains", text),), (Action("move", text),))
    for text in ("a", "b", "c", 'd"\n')
]


async def add(t: Town, account: int, rule: Rule, number: int | None = None) -> int:
    return await t.directory.change(lambda tx: rules.add(tx, account, t.ids.next(), rule, number))


async def of(t: Town, account: int) -> list[Rule]:
    return await t.db.read(lambda tx: rules.of(tx, account))


def test_rules_are_added_moved_and_removed(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice, bob = await t.account("alice@demo.test"), await t.account("bob@demo.test")
            a, b, c, d = RULES
            assert [await add(t, alice.id, one) for one in (a, b, c)] == [1, 2, 3]
            assert await add(t, alice.id, d, 1) == 1
            assert await of(t, alice.id) == [d, a, b, c]
            assert await of(t, bob.id) == []
            for number, to, after in (
                (1, 4, [a, b, c, d]), (4, 2, [a, d, b, c]), (3, 3, [a, d, b, c]),
            ):  # fmt: skip
                await t.directory.change(
                    lambda tx, number=number, to=to: rules.move(tx, alice.id, number, to)  # type: ignore[misc]
                )
                assert await of(t, alice.id) == after
            await t.directory.change(lambda tx: rules.remove(tx, alice.id, 2))
            assert await of(t, alice.id) == [a, b, c]
            assert await add(t, alice.id, d) == 4

    asyncio.run(run())


def test_numbers_that_are_none(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            with pytest.raises(NotFound, match="there are none"):
                await t.directory.change(lambda tx: rules.remove(tx, alice.id, 1))
            await add(t, alice.id, RULES[0])
            with pytest.raises(NotFound, match="numbered 1 to 1"):
                await t.directory.change(lambda tx: rules.remove(tx, alice.id, 2))
            for number, to in ((0, 1), (1, 2), (-1, 1)):
                with pytest.raises(NotFound):
                    await t.directory.change(
                        lambda tx, number=number, to=to: rules.move(tx, alice.id, number, to)  # type: ignore[misc]
                    )
            with pytest.raises(NotFound):
                await add(t, alice.id, RULES[1], 3)
            assert await of(t, alice.id) == RULES[:1]

    asyncio.run(run())


def test_there_is_a_most(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")

            await t.directory.change(
                lambda tx: [
                    rules.add(tx, alice.id, t.ids.next(), RULES[0]) for _ in range(MAX_RULES)
                ]
            )
            with pytest.raises(Invalid, match="the most allowed"):
                await add(t, alice.id, RULES[1])
            assert len(await of(t, alice.id)) == MAX_RULES

    asyncio.run(run())


def test_they_go_with_their_account(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test")
            await add(t, alice.id, RULES[0])
            await t.remove("alice@demo.test")
            assert await of(t, alice.id) == RULES[:1]
            await t.directory.change(lambda tx: accounts.forget(tx, alice.id))
            assert await of(t, alice.id) == []

    asyncio.run(run())
