"""Scripts of accounts: names, the active one, room, and that none is another's."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, strategies as st

from postroom.directory import accounts, scripts
from postroom.directory.scripts import SITE, Room, Script, TooLarge, TooMany
from postroom.errors import AlreadyExists, Invalid, NotAllowed, NotFound
from tests.directory.town import Town, Towns

ANN, BOB = 7, 8


def in_town(town: Towns, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as t:
            await story(t)

    asyncio.run(run())


async def put(t: Town, name: str, content: str = "keep;", account: int = ANN) -> Script:
    return await t.directory.change(
        lambda tx: scripts.put(tx, account, t.ids.next(), name, content, t.clock())
    )


async def act(t: Town, change: Callable[..., object], *given: object) -> None:
    await t.directory.change(lambda tx: change(tx, *given))


async def names(t: Town, account: int = ANN) -> list[str]:
    """Names in order, the active one with a star."""
    found = await t.db.read(lambda tx: scripts.of(tx, account))
    return [one.name + "*" * one.is_active for one in found]


def test_a_script_is_put_read_replaced_and_removed(town: Towns) -> None:
    async def story(t: Town) -> None:
        content = '# Grüße\r\nfileinto "a\\"b";\n'
        made = await put(t, "später", content)
        assert made == Script("später", len(content.encode()), is_active=False, updated=t.clock())
        assert await t.db.read(lambda tx: scripts.text(tx, ANN, "später")) == content
        assert await t.db.read(lambda tx: scripts.text(tx, ANN, "spa\u0308ter")) == content
        await act(t, scripts.activate, ANN, "später")
        t.clock.advance(5)
        again = await put(t, "später", "")
        assert again == Script("später", 0, is_active=True, updated=made.updated + 5)
        assert await t.db.read(lambda tx: scripts.active(tx, ANN)) == ("später", "")
        await act(t, scripts.deactivate, ANN)
        await act(t, scripts.remove, ANN, "später")
        assert await names(t) == []

    in_town(town, story)


def test_one_script_is_active_at_a_time(town: Towns) -> None:
    async def story(t: Town) -> None:
        for name in ("b", "a"):
            await put(t, name)
        await put(t, "a", account=BOB)
        await act(t, scripts.activate, BOB, "a")
        for name, found in (("a", ["a*", "b"]), ("b", ["a", "b*"]), ("b", ["a", "b*"])):
            await act(t, scripts.activate, ANN, name)
            assert await names(t) == found
        with pytest.raises(NotFound, match="no script 'c'"):
            await act(t, scripts.activate, ANN, "c")
        assert await names(t) == ["a", "b*"]
        with pytest.raises(NotAllowed, match="active"):
            await act(t, scripts.remove, ANN, "b")
        for _ in range(2):
            await act(t, scripts.deactivate, ANN)
        assert (await names(t), await names(t, BOB)) == (["a", "b"], ["a*"])

    in_town(town, story)


def test_an_active_script_is_renamed_and_stays_active(town: Towns) -> None:
    async def story(t: Town) -> None:
        for name in ("a", "b"):
            await put(t, name)
        await act(t, scripts.activate, ANN, "a")
        for new in ("a", "c"):
            await act(t, scripts.rename, ANN, "a", new)
        assert await names(t) == ["b", "c*"]
        with pytest.raises(AlreadyExists, match="'b'"):
            await act(t, scripts.rename, ANN, "c", "b")
        with pytest.raises(NotFound):
            await act(t, scripts.rename, ANN, "a", "d")
        with pytest.raises(Invalid):
            await act(t, scripts.rename, ANN, "c", "../c")
        assert await names(t) == ["b", "c*"]

    in_town(town, story)


def test_nobody_sees_the_scripts_of_another_account_or_of_the_site(town: Towns) -> None:
    async def story(t: Town) -> None:
        await put(t, "spam", "keep;", account=SITE)
        await put(t, "own")
        for name in ("spam", "own"):
            with pytest.raises(NotFound):
                await act(t, scripts.text, BOB, name)
            with pytest.raises(NotFound):
                await act(t, scripts.remove, BOB, name)
        assert await t.db.read(lambda tx: scripts.find(tx, SITE, "spam")) == "keep;"
        assert (await names(t, SITE), await names(t)) == (["spam"], ["own"])

    in_town(town, story)


def test_room_counts_scripts_and_octets(town: Towns) -> None:
    async def story(t: Town) -> None:
        room = Room(2, 10)

        async def check(name: str, octets: int, room: Room = room) -> None:
            await t.db.read(lambda tx: scripts.check_room(tx, ANN, name, octets, room))

        for name in ("a", "b"):
            await check(name, 10)
            await put(t, name)
        await check("b", 10)  # in place of what is there
        with pytest.raises(TooMany, match="2 scripts already"):
            await check("c", 1)
        with pytest.raises(TooLarge, match="11 octets"):
            await check("b", 11)
        with pytest.raises(Invalid):
            await check("a/b", 1)
        assert await names(t) == ["a", "b"]

    in_town(town, story)


@pytest.mark.parametrize(
    "name",
    ["", "a" * 129, "../../x", "a/b", ".", "..", "/", "a\0b", "a\nb", "\x7f", "\x85", "\u2028",
     "\u2029", "\ud800"],
)  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(Invalid):
        scripts.named(name)


@given(st.text(max_size=140))
def test_a_name_is_valid_in_any_form_or_none(name: str) -> None:
    try:
        found = scripts.named(name)
    except Invalid:
        return
    assert scripts.named(found) == found
    assert len(found.encode()) <= 512
    assert "/" not in found


def test_no_nul_is_stored(town: Towns) -> None:
    async def story(t: Town) -> None:
        with pytest.raises(Invalid, match="NUL"):
            await put(t, "a", "keep;\0")
        assert await names(t) == []

    in_town(town, story)


def test_they_go_with_their_account(town: Towns) -> None:
    async def story(t: Town) -> None:
        await t.domain("demo.test")
        alice = await t.account("alice@demo.test")
        await put(t, "a", account=alice.id)
        await put(t, "a")
        await t.remove("alice@demo.test")
        assert await names(t, alice.id) == ["a"]  # it may be restored

        await act(t, accounts.forget, alice.id)
        assert (await names(t, alice.id), await names(t)) == ([], ["a"])

    in_town(town, story)
