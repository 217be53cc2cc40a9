"""What imports have brought."""

import asyncio

from postroom.store import imported
from postroom.store.imported import Known
from tests.conftest import Opener
from tests.store.letters import read, write

ONE, TWO = imported.identity("a", b"b"), imported.identity("ab", b"")


def test_identities_tell_their_parts_apart() -> None:
    assert len({ONE, TWO, imported.identity("a", "b", "")}) == 3
    assert imported.identity("a", "b") == ONE
    assert len(ONE) == imported.OCTETS
    assert imported.identity("\udcff") != imported.identity("?")


def test_of_alike_messages_those_are_new_that_are_more_than_before() -> None:
    first, is_new = Known().met(1)
    assert (first, is_new) == (Known(1, 1, 1), True)
    second, is_new = first.met(1)
    assert (second, is_new) == (Known(2, 1, 2), True)
    third, is_new = second.met(2)
    assert (third, is_new) == (Known(2, 2, 1), False)
    assert third.met(2) == (Known(2, 2, 2), False)
    assert third.met(2)[0].met(2) == (Known(3, 2, 3), True)


def test_again_forgets_what_other_runs_have_brought() -> None:
    once, is_new = Known(2, 1, 2).met(5, again=True)
    assert (once, is_new) == (Known(1, 5, 1), True)
    assert once.met(5, again=True) == (Known(2, 5, 2), True)


def test_what_was_noted_is_known_to_its_account(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            assert await read(db, imported.known, 1, [ONE]) == {}
            assert await read(db, imported.known, 1, []) == {}
            await write(db, imported.note, 1, {ONE: Known(1, 7, 1), TWO: Known(2, 7, 2)})
            await write(db, imported.note, 1, {ONE: Known(3, 8, 1)})
            await write(db, imported.note, 2, {TWO: Known(1, 1, 1)})
            assert await read(db, imported.known, 1, [ONE, TWO]) == {
                ONE: Known(3, 8, 1),
                TWO: Known(2, 7, 2),
            }
            await write(db, imported.forget_account, 1)
            assert await read(db, imported.known, 1, [ONE, TWO]) == {}
            assert await read(db, imported.known, 2, [TWO]) == {TWO: Known(1, 1, 1)}

    asyncio.run(run())
