"""What runs for an account, as a server remembers it."""

import asyncio

from postroom.directory import scripts
from postroom.directory.filters import Filter
from postroom.sieve.compiler import compile_script
from tests.directory.town import Town, Towns


def ran(text: str) -> Filter:
    return Filter("one", compile_script(text.encode()), None, len(text))


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
            assert await t.directory.filter_of(alice.id) == ran("keep;")
            assert await t.directory.filter_of(bob.id) is None
            other.hint()
            assert await other.filter_of(alice.id) == ran("keep;")
            await put(t, alice.id, "one", "discard;")
            assert await t.directory.filter_of(alice.id) == ran("discard;")
            await t.directory.change(lambda tx: scripts.deactivate(tx, alice.id))
            assert await t.directory.filter_of(alice.id) is None

    asyncio.run(run())
