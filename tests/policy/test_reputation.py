"""What a sender is worth."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from postroom.db.database import Database
from postroom.errors import StorageFull
from postroom.policy import reputation, repute_rows
from postroom.policy.facts import Authentication, Facts
from postroom.policy.memory import Memory
from postroom.policy.reputation import FIRST, KNOWN, Reputation, Standing
from postroom.policy.spam import SpamFilter
from postroom.policy.tokens import Tokens, tokens
from postroom.telemetry.events import StorageTrouble
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.policy.letters import HAM, NOW, SPAM, facts, letter, teach

PASS = Authentication(author="client.example", dmarc="pass")
CLAIMED = Authentication(author="client.example", dmarc="none", spf="pass", spf_domain="x.example")
PEER = "198.41.0.4"


def came(**others: Any) -> Facts:
    known: dict[str, Any] = {"address": PEER, "authentication": PASS}
    return facts(letter(HAM), 7, 8, **(known | others))


def read(known: Facts) -> Tokens:
    return tokens(known.head, known.part, known.sample)


def run(database: Opener, work: Callable[[Database, Reputation], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with database() as db:
            await work(db, Reputation(db, lambda: NOW))

    asyncio.run(opened())


async def standing(held: Reputation, known: Facts) -> Standing:
    return await held.of(known, read(known))


@pytest.mark.parametrize(
    ("found", "proven"),
    [
        (PASS, True),
        (Authentication(author="a.example", dkim=("a.example",)), True),
        (Authentication(author="a.example", dkim=("b.example",)), False),
        (Authentication(author="a.example", spf="pass", spf_domain="a.example"), True),
        (Authentication(author="a.example", spf="fail", spf_domain="a.example"), False),
        (Authentication(author="a.example", dmarc="fail", sealer="l.example"), True),
        (CLAIMED, False),
        (Authentication(author="", dmarc="pass"), False),
    ],
)
def test_which_names_are_proven(found: Authentication, proven: bool) -> None:
    assert found.proves(found.author) is proven


@pytest.mark.parametrize("is_spam", [True, False])
def test_letters_make_a_name(database: Opener, is_spam: bool) -> None:
    async def work(_db: Database, held: Reputation) -> None:
        known = came()
        found = await standing(held, known)
        assert (list(found.signs), list(found.friends), found.is_first) == ([], [], True)
        for _ in range(12):
            held.note(known, read(known), is_spam=is_spam)
        await held.flush()
        found = await standing(held, known)
        assert len(found.signs) == 3
        assert all((sign.points > 0) is is_spam for sign in found.signs)
        assert not found.is_first
        claimed = await standing(held, came(authentication=CLAIMED))
        assert [sign.words.split(" has ")[0] for sign in claimed.signs] == [
            "the network it comes from"
        ]
        assert not (await standing(held, came(authentication=CLAIMED, address="10.0.0.1"))).signs

    run(database, work)


def test_few_letters_make_no_name(database: Opener) -> None:
    async def work(_db: Database, held: Reputation) -> None:
        known = came()
        held.note(known, read(known), is_spam=True)
        await held.flush()
        found = await standing(held, known)
        assert not found.signs
        assert not found.is_first

    run(database, work)


def test_whom_an_account_writes_to_is_known_to_it(database: Opener) -> None:
    async def work(_db: Database, held: Reputation) -> None:
        held.sent(7, ["Ann@Client.Example", "other@client.example"])
        await held.close()
        assert list((await standing(held, came())).friends) == [7]
        assert not (await standing(held, came(authentication=CLAIMED))).friends

    run(database, work)


def test_what_waits_to_be_written_is_bounded(
    database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(db: Database, held: Reputation) -> None:
        monkeypatch.setattr(reputation, "MAX_PENDING", 5)
        for number in range(50):
            known = came(address=f"198.41.{number}.4", authentication=CLAIMED)
            held.note(known, read(known), is_spam=True)
            held.sent(number, ["a@b.example", "c@b.example"])
        await held.flush()
        (senders,) = await db.read(lambda tx: tx.one("SELECT count(*) FROM reputation") or ())
        (people,) = await db.read(lambda tx: tx.one("SELECT count(*) FROM correspondent") or ())
        assert (senders, people) == (5, 6)

    run(database, work)


def test_what_is_old_is_forgotten_in_portions(
    database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repute_rows, "CHUNK", 2)

    async def work(db: Database, held: Reputation) -> None:
        day = 24 * 3_600_000
        for age in (0, 800):
            now = NOW - age * day
            senders = {age + one: (9, 0) for one in range(5)}
            people = {(age + one, 1) for one in range(5)}
            await db.write(partial(repute_rows.add, counted=senders, now=now))
            await db.write(partial(repute_rows.know, pairs=people, now=now))
        await held.prune()
        left = await db.read(lambda tx: tx.all("SELECT sender FROM reputation ORDER BY 1"))
        assert left == [(one,) for one in range(5)]
        left = await db.read(lambda tx: tx.all("SELECT account_id FROM correspondent ORDER BY 1"))
        assert left == [(one,) for one in range(5)]

    run(database, work)


class Broken:
    """A database whose disk is full."""

    async def write(self, _fn: object, *, bulk: bool = False) -> None:
        raise StorageFull

    async def read(self, _fn: object) -> None:
        raise StorageFull


def test_a_database_that_fails_is_told_of_and_holds_nothing_up(events: Recorder) -> None:
    async def run() -> None:
        held = Reputation(Broken(), lambda: NOW)  # type: ignore[arg-type]
        held.sent(1, ["a@b.example"])
        await held.flush()
        (event,) = events.of(StorageTrouble)
        assert event.where == "reputation"
        await held.flush()
        assert len(events.of(StorageTrouble)) == 1

    asyncio.run(run())


def test_a_friend_is_not_junk_and_a_stranger_is(database: Opener) -> None:
    async def work(db: Database, held: Reputation) -> None:
        await teach(db, 150)
        judge = SpamFilter(Memory(db, lambda: NOW), 5.0, held)
        octets = letter(SPAM, number=999)
        held.sent(7, ["ann@client.example"])
        await held.flush()
        verdict = await judge.judge(facts(octets, 7, 8, address=PEER, authentication=PASS))
        assert FIRST.words in verdict.reason
        assert verdict.of(8).action == "junk"
        assert verdict.of(7).score == pytest.approx(verdict.score + KNOWN.points)
        assert KNOWN.words in verdict.of(7).reason
        claimed = await judge.judge(facts(octets, 7, address=PEER, authentication=CLAIMED))
        assert not claimed.personal

    run(database, work)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.41.0.4", "198.41.0.0/24"),
        ("2001:500:2::c", "2001:500:2::/64"),
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("", ""),
        ("IPv6:x", ""),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert reputation._network(address) == network
