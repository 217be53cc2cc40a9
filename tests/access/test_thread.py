"""THREAD over a mailbox."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.thread import thread
from postroom.access.view import View
from postroom.protocol.imap.sort import Algorithm
from postroom.protocol.imap.thread_line import thread_line
from postroom.store.spans import Span
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

MINUTE = 60_000


def letter(ident: str, subject: str, references: str = "", minute: int | None = None) -> bytes:
    lines = [f"Message-ID: <{ident}@x>", f"Subject: {subject}"]
    if references:
        lines.append("References: " + " ".join(f"<{one}@x>" for one in references.split()))
    if minute is not None:
        lines.append(f"Date: 1 Jan 2024 00:{minute:02}:00 +0000")
    return "\r\n".join([*lines, "", ""]).encode()


LETTERS = [
    letter("a", "alpha", minute=1),
    letter("c", "Re: alpha", "a b", minute=9),
    letter("d", "beta", minute=2),
    letter("b", "Re: alpha", "a", minute=8),
    letter("e", "RE: BETA", minute=7),  # by subject only
    letter("f", "Re: alpha", "a gone", minute=3),
]


@pytest.mark.parametrize(
    ("algorithm", "some", "expected"),
    [
        (Algorithm.REFERENCES, [1, 2, 3, 4, 5, 6], "(1 (6)(4 2))(3 5)"),
        (Algorithm.REFS, [1, 2, 3, 4, 5, 6], "(3)(5)(1 (6)(4 2))"),
        (Algorithm.ORDEREDSUBJECT, [1, 2, 3, 4, 5, 6], "(1 (6)(4)(2))(3 5)"),
        (Algorithm.REFERENCES, [2, 4, 6], "((6)(4 2))"),
        (Algorithm.REFS, [2], "(2)"),
        (Algorithm.REFERENCES, [], ""),
    ],
)
def test_algorithms(
    database: Opener, data: Path, algorithm: Algorithm, some: list[int], expected: str
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for number, one in enumerate(LETTERS):
                await put(store, one, received=number * MINUTE)
            view = await opened(store)
            assert await told(view, some, algorithm) == expected

    asyncio.run(run())


def test_without_a_date_the_arrival_counts(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            base = 1_704_067_200_000  # 1 Jan 2024
            await put(store, letter("a", "x", minute=5), received=base)
            await put(store, letter("b", "y"), received=base + 4 * MINUTE)
            view = await opened(store)
            assert await told(view, [1, 2], Algorithm.REFERENCES) == "(2)(1)"

    asyncio.run(run())


def test_expunged_messages_are_left_out(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *LETTERS)
            view = await opened(store)
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            forest, found = await thread(view, [1, 2, 4], Algorithm.REFERENCES)
            assert found == [2, 4]
            assert thread_line(forest, found) == b"* THREAD (4 2)\r\n"

    asyncio.run(run())


async def told(view: View, uids: list[int], algorithm: Algorithm) -> str:
    forest, found = await thread(view, uids, algorithm)
    return thread_line(forest, found).decode()[9:-2]
