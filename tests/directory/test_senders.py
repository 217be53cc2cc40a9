"""Block and allow lists of accounts."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from postroom.directory import senders
from postroom.directory.senders import List, Senders
from postroom.errors import Invalid, NotFound
from tests.directory.town import Town, Towns

ANN, BOB = 1, 2


def in_town(town: Towns, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            await story(t)

    asyncio.run(run())


async def put(t: Town, which: List, *patterns: str, account: int = ANN) -> None:
    await t.directory.change(lambda tx: senders.put(tx, account, which, patterns))


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Ann@X.Example", "ann@x.example"),
        (" x.example ", "x.example"),
        ("@X.example", "x.example"),
        ("*@x.example", "x.example"),
        ("*.X.example", "*.x.example"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ('"a b"@x.example', '"a b"@x.example'),
    ],
)
def test_a_pattern_has_one_form(text: str, stored: str) -> None:
    assert senders.pattern(text) == stored
    assert senders.pattern(stored) == stored


@pytest.mark.parametrize("text", ["", "@", "a@", "*", "*.", "a b", "[192.0.2.1]"])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is no sender"):
        senders.pattern(text)


def test_an_address_is_covered_by_itself_its_domain_and_those_above() -> None:
    assert senders.covering("Ann@a.b.example") == [
        "ann@a.b.example", "a.b.example", "*.b.example", "*.example",
    ]  # fmt: skip
    found = Senders(frozenset({"*.b.example", "ann@b.example"}), frozenset({"x.example"}))
    assert found.blocking("eve@a.b.example") == "*.b.example"
    assert found.blocking("Ann@b.example") == "ann@b.example"
    assert found.blocking("eve@b.example") == ""
    assert found.blocking("eve@notb.example") == ""
    assert found.allowing("any@x.example") == "x.example"
    assert found.allowing("any@a.x.example") == ""
    assert found.allowing("") == found.blocking("postmaster") == ""


def test_a_sender_is_on_one_list_only_and_changes_count_at_once(town: Towns) -> None:
    async def story(t: Town) -> None:
        other = t.another()
        assert await t.directory.senders_of(ANN) is None
        assert await other.senders_of(ANN) is None
        await put(t, "block", "x.example", "y.example")
        await put(t, "block", "x.example", account=BOB)
        await put(t, "allow", "y.example")
        found = await t.directory.senders_of(ANN)
        assert found == Senders(frozenset({"x.example"}), frozenset({"y.example"}))
        other.hint()
        assert await other.senders_of(ANN) == found
        assert await t.db.read(lambda tx: senders.listed(tx, ANN, "allow")) == ["y.example"]
        with pytest.raises(NotFound, match=r"y\.example is not on the block list"):
            await t.directory.change(
                lambda tx: senders.remove(tx, ANN, "block", ["x.example", "y.example"])
            )
        assert await t.directory.senders_of(ANN) == found
        await t.directory.change(lambda tx: senders.remove(tx, ANN, "block", ["x.example"]))
        assert await t.directory.senders_of(ANN) == Senders(allowed=frozenset({"y.example"}))
        await t.directory.change(lambda tx: senders.forget(tx, ANN))
        assert await t.directory.senders_of(ANN) is None
        assert await t.directory.senders_of(BOB) == Senders(frozenset({"x.example"}))

    in_town(town, story)


def test_there_may_be_many_but_not_any_number(town: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "MOST", 3)

    async def story(t: Town) -> None:
        await put(t, "block", "a.example", "b.example", "c.example")
        with pytest.raises(Invalid, match="at most 3"):
            await put(t, "allow", "d.example")
        await put(t, "allow", "c.example")
        assert await t.db.read(lambda tx: senders.listed(tx, ANN, "block")) == [
            "a.example", "b.example",
        ]  # fmt: skip

    in_town(town, story)
