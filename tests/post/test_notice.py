"""Letters of our own, to people here and elsewhere."""

import asyncio
from pathlib import Path

import pytest

from postroom.ledger import trace
from postroom.message.compose import Draft, Person, compose
from postroom.post import notice
from postroom.post.notice import HOUR_MS, MAX_COUNTED, Budget, addressed, written
from postroom.queue.rows import FIRST, NORMAL, OURS
from tests.conftest import Opener
from tests.directory.town import at
from tests.fakes import START, Clock
from tests.intake.desk import desk

OCTETS = compose(
    Draft(
        sender=Person("postmaster@local.test", "Mail system"),
        to=(Person("bob@local.test"),),
        subject="Something happened",
        date="Mon, 21 Sep 2026 14:13:20 +0000",
        message_id="n1@mx.local.test",
        text="It did.\n",
    )
)


def test_a_notice_goes_into_a_mailbox_that_is_full(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            carol = await here.town.account("carol@local.test", quota=10)
            ident = 0
            for number in range(2):
                letter = await addressed(
                    here.services, here.town.directory, at("Carol+x@local.test"), OCTETS
                )
                assert letter is not None
                assert (letter.queued, letter.outgoing) == (None, ())
                await here.post.commit(letter)
                assert len(await here.inbox(carol)) == number + 1
                assert letter.entry is not None
                ident = letter.entry.id
            octets = (await here.inbox(carol))[0]
            assert octets == (b"Return-Path: <>\r\nDelivered-To: carol+x@local.test\r\n" + OCTETS)
            story = await here.db.read(lambda tx: trace.by_id(tx, ident))
            assert story is not None
            assert (story.entry.door, story.entry.sender, story.entry.subject) == (
                "system", "", "Something happened",
            )  # fmt: skip
            assert [fact.kind for fact in story.facts] == ["filed"]

    asyncio.run(run())


def test_a_notice_for_elsewhere_is_queued_ahead_of_others(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            letter = await addressed(
                here.services, here.town.directory, at("v@other.test"), OCTETS, requiretls=True
            )
            assert letter is not None
            queued = letter.queued
            assert queued is not None
            assert (queued.sender, queued.origin, queued.priority) == (b"", OURS, FIRST)
            assert (queued.smtputf8, queued.eightbit, queued.requiretls) == (False, False, True)
            assert queued.size == len(OCTETS)
            await here.post.commit(letter)
            assert await here.queue() == [("v@other.test", "other.test")]
            assert (await here.counts())["blob"] == 1

    asyncio.run(run())


def test_a_notice_follows_aliases_and_forwards(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.alias("all@local.test", "bob@local.test", "v@other.test")
            await here.town.forward("alice@local.test", "a@other.test", keep=False)
            for name in ("all@local.test", "postmaster@local.test"):
                letter = await addressed(here.services, here.town.directory, at(name), OCTETS)
                assert letter is not None
                await here.post.commit(letter)
            assert len(await here.inbox(here.bob)) == 1
            assert [name for name, _ in await here.queue()] == ["v@other.test", "a@other.test"]

    asyncio.run(run())


def test_nobody_is_nobody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await here.town.disable("bob@local.test")
            for name in ("nobody@local.test", "bob@local.test"):
                found = await addressed(here.services, here.town.directory, at(name), OCTETS)
                assert found is None
            assert await here.counts() == {}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("to", "octets", "sender", "needs"),
    [
        ("v@x.test", b"A: b\r\n\r\n\xff\r\n", "", (False, True, FIRST)),
        ("v@x.test", "A: ü\r\n\r\n".encode(), "", (True, True, FIRST)),
        ("jörg@x.test", b"A: b\r\n\r\n", "", (True, False, FIRST)),
        ("v@x.test", b"A: b\r\n\r\n", "jörg@l.test", (True, False, NORMAL)),
        ('"a b"@x.test', b"", "a@l.test", (False, False, NORMAL)),
    ],
)
def test_what_the_next_server_must_be_able_to_do(
    database: Opener, data: Path, to: str, octets: bytes, sender: str, needs: tuple[bool, bool, int]
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            letter = written(here.services, octets, remote=(to,), sender=sender)
            queued = letter.queued
            assert queued is not None
            assert (queued.smtputf8, queued.eightbit, queued.priority) == needs
            assert queued.sender == sender.encode()
            assert letter.outgoing[0].recipient == to.encode()
            assert letter.outgoing[0].destination == "x.test"

    asyncio.run(run())


def test_a_notice_comes_from_the_postmaster_of_the_domain() -> None:
    assert notice.postmaster_of("a@local.test", "mx.test") == "postmaster@local.test"
    assert notice.postmaster_of('"a@b"@local.test', "mx.test") == "postmaster@local.test"
    assert notice.postmaster_of("", "mx.test") == "postmaster@mx.test"


def test_a_budget_is_for_an_address_and_an_hour() -> None:
    clock = Clock(START // HOUR_MS * HOUR_MS)
    budget = Budget(clock, 2)
    assert [budget.allows(who) for who in ("a@x", "A@X", "a@x", "b@x")] == [
        True, True, False, True,
    ]  # fmt: skip
    clock.advance(HOUR_MS - 1)
    assert not budget.allows("a@x")
    clock.advance(1)
    assert budget.allows("a@x")


def test_a_budget_remembers_a_bounded_number_of_addresses() -> None:
    budget = Budget(Clock(), 2)
    assert [budget.allows("victim@x") for _ in range(3)] == [True, True, False]
    for number in range(2 * MAX_COUNTED):  # nobody is forgotten by writing to many others
        assert budget.allows(f"{number}@x")
    assert len(budget._counts) <= MAX_COUNTED
    assert not budget.allows("victim@x")
    for number in range(2 * MAX_COUNTED):
        budget.allows(f"v{number // 2}@x")
    assert len(budget._counts) <= MAX_COUNTED
