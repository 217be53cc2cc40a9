"""Facts say nothing good of a message about which nothing was found out."""

import asyncio
from collections.abc import AsyncIterator

import pytest

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


@pytest.mark.parametrize(
    ("found", "is_good"),
    [
        (Authentication(), False),
        (Authentication(dmarc="pass", author="x.example"), True),
        (Authentication(dmarc="fail", author="x.example"), False),
        (Authentication(dmarc="pass", author="y.example"), False),
        (Authentication(dmarc="fail", author="x.example", sealer="arc.example"), True),
        (Authentication(spf="pass", spf_domain="x.example"), True),
        (Authentication(spf="softfail", spf_domain="x.example"), False),
        (Authentication(dkim=("other.example", "x.example")), True),
        (Authentication(dkim=("example",)), True),
        (Authentication(dkim=("a.x.example", "notx.example")), False),
    ],
)
def test_what_proves_a_domain(found: Authentication, is_good: bool) -> None:
    assert found.proves("x.example") is is_good
    assert not found.proves("")
