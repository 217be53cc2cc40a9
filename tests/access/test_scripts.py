"""What people may do with scripts: nothing bad is stored, and nothing of others is seen."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from postroom.access.scripts import VACATION_TWICE, BadScript, Scripts, calls
from postroom.directory import vacations
from postroom.directory.scripts import SITE, Room, TooLarge, TooMany
from postroom.directory.vacations import Vacation
from postroom.errors import Invalid, NotAllowed, NotFound
from postroom.sieve.compiler import compile_script
from tests.conftest import Opener
from tests.directory.town import Town, towns

ANN, BOB = 7, 8


def play(
    database: Opener, data: Path, story: Callable[[Town, Scripts], Awaitable[None]], room: Room
) -> None:
    async def run() -> None:
        async with towns(database, data)() as t:
            await story(t, Scripts(t.directory, t.ids, t.clock, room))

    asyncio.run(run())


def test_only_valid_scripts_are_stored(database: Opener, data: Path) -> None:
    async def story(t: Town, scripts: Scripts) -> None:
        assert await scripts.put(ANN, "a", b"keep;") == ()
        for bad in (b"keep", b"frobnicate;", b"\xff", b'require "no-such";\r\n'):
            with pytest.raises(BadScript, match="line 1, column ") as error:
                await scripts.put(ANN, "a", bad)
            assert error.value.problems
            with pytest.raises(BadScript):
                await scripts.check(ANN, bad)
        assert await scripts.text(ANN, "a") == "keep;"
        assert await scripts.check(ANN, b"discard;") == ()
        assert await scripts.text(ANN, "a") == "keep;"

    play(database, data, story, Room(5, 1000))


def test_room_is_kept_even_by_two_at_once(database: Opener, data: Path) -> None:
    async def story(t: Town, scripts: Scripts) -> None:
        done = await asyncio.gather(
            *(scripts.put(ANN, f"s{number}", b"keep;") for number in range(6)),
            return_exceptions=True,
        )
        assert sum(isinstance(one, TooMany) for one in done) == 4
        assert len(await scripts.of(ANN)) == 2
        with pytest.raises(TooLarge):
            await scripts.put(ANN, "s", b"#" * 21)
        with pytest.raises(TooLarge):
            await scripts.check(ANN, b"#" * 21)
        await scripts.put(BOB, "own", b"#" * 20)

    play(database, data, story, Room(2, 20))


def test_a_large_script_is_compiled_off_the_loop(database: Opener, data: Path) -> None:
    script = b"keep;\n" * 4000

    async def story(t: Town, scripts: Scripts) -> None:
        await scripts.put(ANN, "large", script)
        assert (await scripts.text(ANN, "large")).encode() == script
        with pytest.raises(BadScript, match="line 4001, column 1"):
            await scripts.check(ANN, script + b"nonsense;")

    play(database, data, story, Room(5, 200_000))


def test_a_script_is_activated_renamed_and_removed(database: Opener, data: Path) -> None:
    async def story(t: Town, scripts: Scripts) -> None:
        await scripts.put(ANN, "a", b"keep;")
        await scripts.activate(ANN, "a")
        with pytest.raises(NotAllowed):
            await scripts.remove(ANN, "a")
        await scripts.rename(ANN, "a", "b")
        assert [(one.name, one.is_active) for one in await scripts.of(ANN)] == [("b", True)]
        for action in (scripts.activate, scripts.remove, scripts.text):
            with pytest.raises(NotFound):
                await action(BOB, "b")
        await scripts.deactivate(ANN)
        await scripts.remove(ANN, "b")
        assert await scripts.of(ANN) == []
        with pytest.raises(Invalid):
            await scripts.put(ANN, "../b", b"keep;")

    play(database, data, story, Room(5, 1000))


def test_what_is_not_understood_any_more_is_not_made_active(database: Opener, data: Path) -> None:
    async def story(t: Town, scripts: Scripts) -> None:
        await scripts.put(ANN, "a", b"keep;")
        await t.db.write(lambda tx: tx.execute("UPDATE script SET content = 'nonsense;'"))
        with pytest.raises(BadScript):
            await scripts.activate(ANN, "a")
        assert [one.is_active for one in await scripts.of(ANN)] == [False]

    play(database, data, story, Room(5, 1000))


def test_every_command_and_test_is_walked() -> None:
    script = b"""
        require ["envelope", "fileinto"];
        if anyof (not header "a" "b", allof (exists "x", size :over 1)) {
            if envelope "from" "c" { fileinto "d"; } else { discard; }
        } elsif true { keep; }
    """
    found = {call.name for call in calls(compile_script(script))}
    assert found >= {
        "if", "anyof", "not", "header", "allof", "exists", "size", "envelope", "fileinto",
        "discard", "true", "keep",
    }  # fmt: skip


def test_what_is_hardly_meant_is_told(database: Opener, data: Path) -> None:
    script = b"""
        require ["include", "vacation"];
        include "later"; include :global "site"; include :optional "never"; include :global "gone";
        if true { vacation "away"; }
    """

    async def story(t: Town, scripts: Scripts) -> None:
        await t.domain("demo.test")
        alice = await t.account("alice@demo.test")
        await scripts.put(SITE, "site", b'require "include"; include "own"; include :global "x";')
        told = await scripts.check(alice.id, script)
        assert [line.partition(" yet")[0] for line in told] == [
            "line 3, column 77: there is no script 'gone'",
            "line 3, column 9: there is no script 'later'",
        ]
        assert await scripts.put(SITE, "x", b'require "include"; include :global "y";') != ()
        assert await scripts.put(SITE, "x", b'require "include"; include "y";') == ()
        await t.directory.change(lambda tx: vacations.put(tx, alice.id, Vacation("gone")))
        assert VACATION_TWICE in await scripts.put(alice.id, "a", script)

    play(database, data, story, Room(5, 1000))
