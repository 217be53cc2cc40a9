"""Who an account is to its scripts."""

import asyncio

from postroom.directory.names import Policy
from postroom.directory.persona import Persona
from tests.directory.town import Town, Towns


def test_the_main_address_comes_first(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.domain("demo.test")
        await t.domain("aa.test")
        bob = await t.account("bob@demo.test")
        assert await t.directory.persona_of(bob.id) == Persona(("bob@demo.test",), "+")
        await t.further("bob@demo.test", "Robert@aa.test")
        await t.policy("demo.test", Policy(separators="-+"))
        found = await t.directory.persona_of(bob.id)
        assert found == Persona(("bob@demo.test", "Robert@aa.test"), "-+")
        await t.remove("bob@demo.test")
        assert await t.directory.persona_of(bob.id) == Persona(())

    async def run() -> None:
        async with town() as t:
            await story(t)

    asyncio.run(run())
