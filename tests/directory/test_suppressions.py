"""Suppression lists: what comes onto them, what stays, and how long they may be."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from postroom.directory import suppressions
from postroom.directory.suppressions import NOTHING, Kind, Scope, Suppressed, Using
from postroom.errors import Invalid
from tests.directory.town import Town, Towns, at

ANN, BOB = 1, 2


def in_town(town: Towns, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            await story(t)

    asyncio.run(run())


async def put(
    t: Town, *addresses: str, kind: Kind = "bounce", now: int = 10, until: int = 100, of: int = ANN
) -> bool:
    some = [Suppressed(one, kind, now, until, 7, "550 No") for one in addresses]
    return await t.db.write(lambda tx: suppressions.put(tx, of, some))


async def found(t: Town, address: str, now: int = 50, of: int = ANN) -> Suppressed | None:
    return await t.db.read(lambda tx: suppressions.find(tx, of, address, now))


async def using(t: Town, of: int = ANN) -> Using:
    return await t.db.read(lambda tx: suppressions.using(tx, of))


async def listed(t: Town, *, after: str = "", begins: str = "", limit: int = 100) -> list[str]:
    rows = await t.db.read(
        lambda tx: suppressions.page(tx, ANN, after=after, begins=begins, limit=limit)
    )
    return [one.address for one in rows]


def test_an_address_is_found_in_any_case_until_its_time_is_over(town: Towns) -> None:
    async def story(t: Town) -> None:
        assert await found(t, "x@far.test") is None
        assert await put(t, "X@far.test")
        assert await found(t, "x@FAR.test") == Suppressed(
            "x@far.test", "bounce", 10, 100, 7, "550 No"
        )
        assert await found(t, "x@far.test", now=100) is None
        assert await found(t, "x@far.test", of=BOB) is None
        assert not await put(t, "y@far.test", until=0)  # the list was not empty
        assert await found(t, "y@far.test", now=1 << 60) is not None
        assert await using(t) == Using(None, 2)
        assert await using(t, BOB) == NOTHING

    in_town(town, story)


@pytest.mark.parametrize(
    ("before", "after", "now", "stays"),
    [
        ("bounce", "bounce", 20, "bounce"),
        ("bounce", "complaint", 20, "complaint"),
        ("bounce", "hand", 20, "hand"),
        ("complaint", "bounce", 20, "complaint"),
        ("complaint", "bounce", 100, "bounce"),  # that was over
        ("complaint", "hand", 20, "hand"),
        ("hand", "bounce", 20, "hand"),
        ("hand", "complaint", 200, "hand"),
    ],
)
def test_what_takes_the_place_of_what(
    town: Towns, before: Kind, after: Kind, now: int, stays: Kind
) -> None:
    async def story(t: Town) -> None:
        await put(t, "x@far.test", kind=before, until=0 if before == "hand" else 100)
        await put(t, "x@far.test", kind=after, now=now, until=now + 500)
        one = await found(t, "x@far.test", now=now)
        assert one is not None
        assert one.kind == stays
        is_new = stays == after and (before, after) != ("hand", "hand")
        assert one.at == (now if is_new else 10)
        assert (await using(t)).entries == 1

    in_town(town, story)


def test_what_is_removed_is_written_to_again(town: Towns) -> None:
    async def story(t: Town) -> None:
        await put(t, "a@x.test", "b@x.test")
        gone = await t.db.write(lambda tx: suppressions.remove(tx, ANN, ["A@x.test", "c@x.test"]))
        assert (gone, await listed(t), (await using(t)).entries) == (1, ["b@x.test"], 1)
        await t.db.write(lambda tx: suppressions.remove(tx, ANN, ["b@x.test"]))
        assert await put(t, "c@x.test")  # the first again

    in_town(town, story)


def test_pages_go_by_address_and_by_how_it_begins(town: Towns) -> None:
    async def story(t: Town) -> None:
        names = [f"{letter}{n}@x.test" for letter in "ab" for n in range(3)]
        await put(t, *names, "\u00fc@x.test")
        await put(t, "b9@x.test", kind="hand", until=0)
        assert await listed(t, limit=2) == names[:2]
        assert await listed(t, after="a1@x.test", limit=2) == ["a2@x.test", "b0@x.test"]
        assert await listed(t, begins="B") == [*names[3:], "b9@x.test"]
        assert await listed(t, begins="\u00dc") == ["\u00fc@x.test"]
        assert await listed(t, begins="a1@x.test0") == []
        assert await t.db.read(lambda tx: suppressions.by_hand(tx, ANN)) == ["b9@x.test"]

    in_town(town, story)


def test_a_list_that_is_full_takes_no_more(town: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressions, "MOST", 2)

    async def story(t: Town) -> None:
        await put(t, "a@x.test", "b@x.test")
        with pytest.raises(Invalid, match="has at most 2 addresses; remove some first"):
            await put(t, "c@x.test")
        assert await listed(t) == ["a@x.test", "b@x.test"]
        await put(t, "b@x.test", kind="complaint")  # nothing more
        assert (await using(t)).entries == 2

    in_town(town, story)


def test_what_is_over_goes_a_part_at_a_time(town: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressions, "TOGETHER", 2)

    async def story(t: Town) -> None:
        await put(t, "a@x.test", "b@x.test", "c@x.test")
        await put(t, "d@x.test", until=0)
        await put(t, "e@x.test", until=101)
        await put(t, "f@x.test", of=BOB)
        parts = [await t.db.write(lambda tx: suppressions.purge(tx, 100)) for _ in range(3)]
        assert parts == [2, 2, 0]
        assert await listed(t) == ["d@x.test", "e@x.test"]
        assert [(await using(t, one)).entries for one in (ANN, BOB)] == [2, 0]

    in_town(town, story)


def test_an_account_that_is_gone_leaves_nothing(
    town: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "TOGETHER", 2)

    async def story(t: Town) -> None:
        await t.domain("demo.test")
        here = (await t.account("bob@demo.test")).id
        await put(t, "a@x.test", of=here)
        await put(t, "a@x.test", "b@x.test", "c@x.test")  # of nobody
        parts = [await t.db.write(suppressions.purge_orphans) for _ in range(5)]
        assert parts == [2, 1, 1, 0, 0]
        assert await listed(t) == []
        assert await using(t, here) == Using(None, 1)

    in_town(town, story)


@pytest.mark.parametrize(
    ("chosen", "usual", "door", "is_covered"),
    [
        (None, "api", "api", True),
        (None, "api", "submission", False),
        (None, "all", "web", True),
        (None, "off", "api", False),
        ("off", "all", "api", False),
        ("all", "off", "submissions", True),
        ("api", "off", "api", True),
        ("api", "all", "web", False),
    ],
)
def test_whose_mail_heeds_it(
    chosen: Scope | None, usual: Scope, door: str, is_covered: bool
) -> None:
    assert Using(chosen).covers(door, usual) is is_covered


def test_what_an_account_chooses_is_remembered_and_known_at_once(town: Towns) -> None:
    async def story(t: Town) -> None:
        assert await t.directory.suppressing(ANN) == NOTHING
        await t.directory.change(lambda tx: suppressions.choose(tx, ANN, "all"))
        assert await t.directory.suppressing(ANN) == Using("all", 0)
        await put(t, "a@x.test")
        await t.directory.change(lambda tx: suppressions.choose(tx, ANN, None))
        assert await t.directory.suppressing(ANN) == Using(None, 1)

    in_town(town, story)


def test_an_address_that_is_typed() -> None:
    assert suppressions.parsed(" Ann@X.Example ") == "ann@x.example"
    assert str(at(suppressions.parsed("\u00dcb@b\u00fccher.example"))).startswith("\u00fcb@")
    with pytest.raises(Invalid, match="'x' is no address"):
        suppressions.parsed("x")
