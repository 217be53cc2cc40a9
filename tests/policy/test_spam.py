"""The spam filter as a stage."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from postroom.db.database import Database
from postroom.policy import knowledge
from postroom.policy.memory import Memory
from postroom.policy.spam import SpamFilter
from tests.conftest import Opener
from tests.policy.letters import HAM, NOW, SPAM, facts, letter, teach


def run(database: Opener, work: Callable[[Database, SpamFilter], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with database() as db:
            await work(db, SpamFilter(Memory(db, lambda: NOW), 5.0))

    asyncio.run(opened())


def test_a_fresh_filter_says_nothing_of_ordinary_mail(database: Opener) -> None:
    async def work(_db: Database, judge: SpamFilter) -> None:
        for text in (SPAM, HAM):
            verdict = await judge.judge(facts(letter(text), 7))
            assert (verdict.action, verdict.reason, verdict.score) == ("pass", "", 0.0)
            assert not verdict.fields
            assert not verdict.personal

    run(database, work)


def test_what_was_learned_decides_and_is_explained(database: Opener) -> None:
    async def work(db: Database, judge: SpamFilter) -> None:
        await teach(db, 150)
        verdict = await judge.judge(facts(letter(SPAM, number=999), 7))
        assert verdict.action == "junk"
        assert verdict.score >= 5
        assert "it looks like spam" in verdict.reason
        assert any(f'the word "{word}"' in verdict.reason for word in SPAM.split())
        assert verdict.fields == (f"X-Spam-Score: {verdict.score:.1f}\r\n".encode(),)
        assert not verdict.personal
        verdict = await judge.judge(facts(letter(HAM, number=999), 7))
        assert verdict.action == "pass"
        assert verdict.score < 0
        assert "it looks like wanted mail" in verdict.reason

    run(database, work)


def test_too_little_training_is_no_opinion(database: Opener) -> None:
    async def work(db: Database, judge: SpamFilter) -> None:
        await teach(db, 20)
        verdict = await judge.judge(facts(letter(SPAM, number=999), 7))
        assert (verdict.action, verdict.score) == ("pass", 0.0)

    run(database, work)


def test_an_account_that_has_learned_otherwise(database: Opener) -> None:
    async def work(db: Database, judge: SpamFilter) -> None:
        await teach(db, 150)
        await teach(db, 150, 8, swapped=True)
        verdict = await judge.judge(facts(letter(SPAM, number=999), 7, 8))
        assert verdict.action == "junk"
        assert verdict.of(7).action == "junk"
        assert verdict.of(8).action == "pass"
        assert list(verdict.personal) == [8]
        verdict = await judge.judge(facts(letter(HAM, number=999), 8))
        assert verdict.of(8).score > 0 > verdict.score

    run(database, work)


@pytest.mark.parametrize(
    ("level", "action"), [("off", "pass"), ("strict", "junk"), ("lenient", "pass")]
)
def test_levels(database: Opener, level: str, action: str) -> None:
    async def work(db: Database, judge: SpamFilter) -> None:
        await db.write(lambda tx: knowledge.set_level(tx, 8, level))
        octets = b'Content-Type: x/y; name="a.exe"\r\n' + letter(SPAM)
        late = facts(octets, 8, helo="pc", now=NOW + 30 * 24 * 3600 * 1000)
        verdict = await judge.judge(late)
        assert (verdict.action, verdict.score) == ("pass", 3.5)
        assert verdict.of(8).action == action
        assert verdict.of(9).action == "pass"
        assert bool(verdict.of(8).reason) is (level != "off")
        said = await judge.explain(late)
        assert said.threshold == {"off": 5.0, "strict": 3.0, "lenient": 8.0}[level]

    run(database, work)


def test_a_large_body_is_read_off_the_loop(database: Opener) -> None:
    async def work(db: Database, judge: SpamFilter) -> None:
        await teach(db, 150)
        verdict = await judge.judge(facts(letter(f"{SPAM} " * 2_000), 7))
        assert verdict.action == "junk"

    run(database, work)
