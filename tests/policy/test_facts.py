"""Facts say nothing good of a message about which nothing was found out."""

import asyncio
from collections.abc import AsyncIterator

from postroom.policy.facts import Authentication, Facts
from tests.policy.letters import facts, letter


def test_without_checks_nothing_is_known() -> None:
    unknown = Authentication()
    assert {unknown.iprev, unknown.spf, unknown.dmarc, unknown.arc} == {"none"}
    assert not unknown.dkim
    assert unknown.policy == "none"


def whole(known: Facts) -> bytes:
    async def run() -> bytes:
        return b"".join([piece async for piece in known.octets()])

    return asyncio.run(run())


def test_the_whole_message_is_there() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"first, "
        yield b"second"

    assert whole(facts(letter("hi"))) == letter("hi")
    large = facts(letter("hi"), is_whole=False, body=body)
    assert whole(large) == large.head + b"first, second"
