"""SORT against ``sorted`` by its definition."""

import asyncio
import itertools
import random
from pathlib import Path

import msgspec
import pytest

from postroom.access.kept import Kept
from postroom.access.sort import sort
from postroom.access.view import View
from postroom.message.casemap import casemap
from postroom.message.dates import write
from postroom.protocol.imap.sort import Criterion, SortKey
from postroom.store.spans import Span
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

DAY = 86_400_000
NAMES = ["joe", "Ann", "ann", "élan", "Zoë", "zoe", "", "bob"]
SUBJECTS = ["b", "Re: a", "A", "[list] b (fwd)", "ä", "ab", "", "Fwd: c"]


class Letter(msgspec.Struct):
    """What a letter says, and its keys as the RFCs define them."""

    octets: bytes
    received: int
    keys: dict[SortKey, object]


def letter(chance: random.Random) -> Letter:
    pick = chance.choice
    received = pick([10, 11, 12]) * DAY
    sent = pick([None, 10 * DAY + 1000, 11 * DAY, 12 * DAY + 1000])
    author, to, cc = pick(NAMES), pick(NAMES), pick(NAMES)
    shown = pick(["", "Joe", "joe", "Ärger"])
    subject = pick(SUBJECTS)
    lines = [f"Subject: {subject}"] if subject else []
    lines += [f"Date: {write(sent, 120)}"] if sent else []
    lines += [f"From: {shown} <{author}@x.org>"] if author else []
    lines += [f"To: {to}@x.org, nobody@x.org"] if to else []
    lines += [f"Cc: {cc}@x.org"] if cc else []
    octets = ("\r\n".join([*lines, "", ""]) + "x" * pick([0, 1, 2])).encode()
    base = subject.removeprefix("Re: ").removeprefix("Fwd: ").removeprefix("[list] ")
    keys: dict[SortKey, object] = {
        SortKey.ARRIVAL: received,
        SortKey.CC: casemap(cc),
        SortKey.DATE: sent or received,
        SortKey.DISPLAYFROM: casemap(shown or f"{author}@x.org") if author else "",
        SortKey.DISPLAYTO: casemap(f"{to}@x.org") if to else "",
        SortKey.FROM: casemap(author),
        SortKey.SIZE: len(octets),
        SortKey.SUBJECT: casemap(base.removesuffix(" (fwd)")),
        SortKey.TO: casemap(to),
    }
    return Letter(octets, received, keys)


def by_definition(
    letters: dict[int, Letter], uids: list[int], program: tuple[Criterion, ...]
) -> list[int]:
    """Compared criterion by criterion, then by sequence number (RFC 5256 §3)."""

    def ranks(uid: int) -> tuple[int, ...]:
        places = []
        for criterion in program:
            values = sorted({letters[one].keys[criterion.key] for one in uids})  # type: ignore[type-var]
            rank = values.index(letters[uid].keys[criterion.key])
            places.append(-rank if criterion.is_reverse else rank)
        return (*places, uid)

    return sorted(uids, key=ranks)


def test_every_program(database: Opener, data: Path) -> None:
    chance = random.Random(7)
    letters = {uid: letter(chance) for uid in range(1, 61)}
    singles = [(Criterion(key, is_reverse),) for key in SortKey for is_reverse in (False, True)]
    pairs = [
        (Criterion(one, chance.random() < 0.5), Criterion(two, chance.random() < 0.5))
        for one, two in itertools.permutations(SortKey, 2)
    ]
    everything = tuple(Criterion(key, chance.random() < 0.5) for key in SortKey)

    async def run() -> None:
        async with shop(database, data) as store:
            for one in letters.values():
                await put(store, one.octets, received=one.received)
            view = await opened(store)
            uids = list(letters)
            kept = Kept()
            for program in (*singles, *pairs, everything):
                assert await sort(view, uids, program, kept) == by_definition(
                    letters, uids, program
                )
            for program in singles:
                for size in (0, 1, 5, 30, 59):  # by themselves, and out of the kept order
                    some = sorted(chance.sample(uids, size))
                    expected = by_definition(letters, some, program)
                    assert await sort(view, some, program, kept) == expected
                    assert await sort(view, some, program, Kept()) == expected

    asyncio.run(run())


def test_a_mailbox_that_changes(database: Opener, data: Path) -> None:
    """One kept order, two sessions that know different messages."""
    program = (Criterion(SortKey.SUBJECT, is_reverse=True),)

    async def run() -> None:
        async with shop(database, data) as store:
            for subject in (b"b", b"d", b"a", b"c"):
                await put(store, b"Subject: %s\r\n\r\n" % subject)
            kept = Kept()
            early, late = await opened(store), await opened(store)
            assert await sorted_all(early, kept) == [2, 4, 1, 3]
            await put(store, b"Subject: e\r\n\r\n")
            await store.expunge(1, 1, Span(2, 2), flagged=False)
            assert await sorted_all(early, kept) == [2, 4, 1, 3]
            await late.refresh(expunges=True)
            assert await sorted_all(late, kept) == [5, 4, 1, 3]
            assert await sort(early, [1, 3, 4], program, kept) == [4, 1, 3]
            # as many as are in the kept order, and one of them is gone
            assert await sort(early, [1, 2, 3, 4], program, kept) == [4, 1, 3]
            await early.refresh(expunges=False)
            assert await sort(early, [1, 3, 4, 5], program, kept) == [5, 4, 1, 3]

    async def sorted_all(view: View, kept: Kept) -> list[int]:
        return await sort(view, list(view.numbering.uids), program, kept)

    asyncio.run(run())


@pytest.mark.parametrize("size", [1, 4, 5])
def test_a_small_result_does_not_order_the_mailbox(database: Opener, data: Path, size: int) -> None:
    program = (Criterion(SortKey.SIZE),)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[b"\r\n" + b"x" * (20 - number) for number in range(20)])
            view = await opened(store)
            kept = Kept()
            uids = list(range(1, size + 1))
            assert await sort(view, uids, program, kept) == list(reversed(uids))
            key = (view.mailbox_id, view.uidvalidity, program)
            assert (kept.get(key, object) is not None) is (size == 5)

    asyncio.run(run())
