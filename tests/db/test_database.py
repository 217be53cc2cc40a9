"""What both engines promise through ``Database`` and ``Tx``."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from postroom.db.database import ConstraintFailed, Database, StatementRefused, Tx, number
from postroom.db.migrate import words

Opener = Callable[[], AbstractAsyncContextManager[Database]]

TABLES = """
CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, octets BLOB) STRICT;
CREATE TABLE child (
    parent_id INTEGER NOT NULL REFERENCES parent (id),
    number INTEGER NOT NULL CHECK (number > 0),
    PRIMARY KEY (parent_id, number)
) STRICT, WITHOUT ROWID;
"""


def make(tx: Tx) -> None:
    for statement in words(TABLES, tx.engine).split(";"):
        if statement.strip():
            tx.execute(statement)


def add(tx: Tx, ident: int, name: str) -> int:
    return tx.execute("INSERT INTO parent (id, name) VALUES (:id, :name)", id=ident, name=name)


def names(tx: Tx) -> list[str]:
    return [row[0] for row in tx.all("SELECT name FROM parent ORDER BY id")]


def run(opener: Opener, test: Callable[[Database], object]) -> None:
    async def go() -> None:
        async with opener() as db:
            await db.write(make)
            await test(db)  # type: ignore[misc]

    asyncio.run(go())


def test_values_come_back_as_they_went(database: Opener) -> None:
    async def test(db: Database) -> None:
        octets = bytes(range(256))
        text = "it's 100% \\ “ﬁne” \U0001f4ee :name ?"
        await db.write(
            lambda tx: tx.execute(
                "INSERT INTO parent VALUES (:id, :name, :octets)",
                id=2**63 - 1,
                name=text,
                octets=octets,
            )
        )
        row = await db.read(lambda tx: tx.one("SELECT id, name, octets FROM parent"))
        assert row == (2**63 - 1, text, octets)
        assert row is not None
        assert type(row[2]) is bytes

    run(database, test)


def test_sums_counts_conditions_and_true_are_int(database: Opener) -> None:
    async def test(db: Database) -> None:
        await db.write(lambda tx: add(tx, 1, "a"))
        await db.write(lambda tx: add(tx, 2, "b"))
        row = await db.read(
            lambda tx: tx.one(
                "SELECT sum(id), count(*), 1 < 2, EXISTS (SELECT 1 FROM child), max(id)"
                " FROM parent WHERE id <> :no",
                no=False,
            )
        )
        assert row == (3, 2, 1, 0, 2)
        assert row is not None
        assert {type(value) for value in row} <= {int, bool}
        assert all(type(value) is int for value in row)

    run(database, test)


def test_text_is_ordered_by_its_octets(database: Opener) -> None:
    async def test(db: Database) -> None:
        rows = [(1, "b"), (2, "B"), (3, "ä"), (4, "a"), (5, "_")]
        await db.write(lambda tx: tx.many("INSERT INTO parent (id, name) VALUES (?, ?)", rows))
        found = await db.read(lambda tx: tx.all("SELECT name FROM parent ORDER BY name"))
        assert [row[0] for row in found] == ["B", "_", "a", "b", "ä"]

    run(database, test)


def test_one_number_is_0_where_there_is_none(database: Opener) -> None:
    async def test(db: Database) -> None:
        def read(tx: Tx) -> list[int]:
            return [
                number(tx, "SELECT id FROM parent WHERE name = :name", name="none"),
                number(tx, "SELECT sum(id) FROM parent WHERE name = :name", name="none"),
                number(tx, "SELECT sum(id) FROM parent"),
            ]

        await db.write(lambda tx: add(tx, 7, "a"))
        assert await db.read(read) == [0, 0, 7]

    run(database, test)


def test_texts_are_found_in_others(database: Opener) -> None:
    async def test(db: Database) -> None:
        sql = "SELECT instr(:text, 'b'), instr(:text, 'x'), instr(:text, '')"
        assert await db.read(lambda tx: tx.one(sql, text="äb")) == (2, 0, 1)

    run(database, test)


def test_signs_in_literals_are_no_parameters(database: Opener) -> None:
    async def test(db: Database) -> None:
        row = await db.read(
            lambda tx: tx.one("SELECT ':a ?% it''s', 7 % :b /* :c ? % */ -- :d", b=4)
        )
        assert row == (":a ?% it's", 3)

    run(database, test)


def test_returning_and_row_counts(database: Opener) -> None:
    async def test(db: Database) -> None:
        def write(tx: Tx) -> None:
            assert add(tx, 1, "a") == 1
            assert add(tx, 2, "b") == 1
            sql = "UPDATE parent SET name = name || :more WHERE id < :below"
            assert tx.execute(sql, more="x", below=9) == 2
            assert tx.execute(sql, more="x", below=0) == 0
            assert tx.one("UPDATE parent SET octets = NULL WHERE id = 2 RETURNING name") == ("bx",)
            assert tx.all("DELETE FROM parent RETURNING id") == [(1,), (2,)]
            assert tx.all("DELETE FROM parent") == []
            assert tx.one("SELECT id FROM parent") is None

        await db.write(write)

    run(database, test)


def test_many_takes_any_iterable_and_none_at_all(database: Opener) -> None:
    async def test(db: Database) -> None:
        sql = "INSERT INTO parent (id, name) VALUES (?, ?)"
        await db.write(lambda tx: tx.many(sql, []))
        await db.write(lambda tx: tx.many(sql, ((n, f"n{n}") for n in range(3000))))
        assert len(await db.read(names)) == 3000

    run(database, test)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO parent (id, name) VALUES (1, 'other')",
        "INSERT INTO parent (id, name) VALUES (2, 'a')",
        "INSERT INTO parent (id, name) VALUES (2, NULL)",
        "INSERT INTO child VALUES (77, 1)",
        "INSERT INTO child VALUES (1, 0)",
    ],
)
def test_constraints_refuse_and_leave_nothing(database: Opener, statement: str) -> None:
    async def test(db: Database) -> None:
        await db.write(lambda tx: add(tx, 1, "a"))

        def write(tx: Tx) -> None:
            add(tx, 5, "lost")
            tx.execute(statement)

        with pytest.raises(ConstraintFailed):
            await db.write(write)
        assert await db.read(names) == ["a"]

    run(database, test)


def test_our_mistakes_are_refused(database: Opener) -> None:
    async def test(db: Database) -> None:
        with pytest.raises(StatementRefused):
            await db.read(lambda tx: tx.all("SELECT nothing FROM nowhere"))
        with pytest.raises(StatementRefused):
            await db.write(
                lambda tx: tx.many("INSERT INTO parent (id, name) VALUES (?, ?)", [(1,)])
            )
        with pytest.raises(StatementRefused):
            await db.read(lambda tx: add(tx, 1, "a"))
        assert await db.read(names) == []

    run(database, test)


def test_text_that_is_no_unicode_is_refused(database: Opener) -> None:
    async def test(db: Database) -> None:
        with pytest.raises(ValueError):
            await db.write(lambda tx: add(tx, 1, "\udc80"))
        if db.engine == "postgres":
            with pytest.raises(ValueError):
                await db.write(lambda tx: add(tx, 1, "a\0b"))
        assert await db.read(names) == []

    run(database, test)


def test_what_fn_raises_is_raised_and_undoes_all(database: Opener) -> None:
    async def test(db: Database) -> None:
        def write(tx: Tx) -> None:
            add(tx, 1, "a")
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            await db.write(write)
        with pytest.raises(RuntimeError):
            await db.write(lambda tx: next(iter(())))
        assert await db.read(names) == []

    run(database, test)


def test_concurrent_writes_lose_no_update(database: Opener) -> None:
    async def test(db: Database) -> None:
        await db.write(lambda tx: add(tx, 1, "0"))

        def count(tx: Tx) -> None:
            row = tx.one("SELECT name FROM parent WHERE id = 1")
            assert row is not None
            tx.execute("UPDATE parent SET name = :name WHERE id = 1", name=str(int(row[0]) + 1))

        await asyncio.gather(*[db.write(count, bulk=n % 4 == 0) for n in range(40)])
        assert await db.read(names) == ["40"]

    run(database, test)


def test_a_read_sees_one_state(database: Opener) -> None:
    async def test(db: Database) -> None:
        loop = asyncio.get_running_loop()
        await db.write(lambda tx: add(tx, 1, "a"))

        def read(tx: Tx) -> tuple[list[str], list[str]]:
            before = names(tx)
            asyncio.run_coroutine_threadsafe(db.write(lambda w: add(w, 2, "b")), loop).result(10)
            return before, names(tx)

        assert await db.read(read) == (["a"], ["a"])
        assert await db.read(names) == ["a", "b"]

    run(database, test)


def batch(tx: Tx, items: Sequence[tuple[int, str]]) -> Sequence[int | Exception]:
    """Refuses names beginning with ``no``; raises on a name that is taken."""
    good = [item for item in items if not item[1].startswith("no")]
    tx.many("INSERT INTO parent (id, name) VALUES (?, ?)", good)
    return [LookupError(name) if name.startswith("no") else number for number, name in items]


def test_submit_answers_each_item(database: Opener) -> None:
    async def test(db: Database) -> None:
        items = [(n, f"no{n}" if n % 3 == 0 else f"n{n}") for n in range(200)]
        found = await asyncio.gather(
            *[db.submit(batch, item) for item in items], return_exceptions=True
        )
        for (ident, name), result in zip(items, found, strict=True):
            if name.startswith("no"):
                assert isinstance(result, LookupError)
            else:
                assert result == ident
        assert len(await db.read(names)) == 133

    run(database, test)


def test_submit_one_bad_item_fails_alone(database: Opener) -> None:
    async def test(db: Database) -> None:
        items = [(n, "same" if n in {5, 9} else f"n{n}") for n in range(20)]
        found = await asyncio.gather(
            *[db.submit(batch, item) for item in items], return_exceptions=True
        )
        assert [type(result) for result in found].count(ConstraintFailed) == 1
        assert len(await db.read(names)) == 19

    run(database, test)


def test_submit_needs_one_result_an_item(database: Opener) -> None:
    def short(tx: Tx, items: Sequence[int]) -> Sequence[int]:
        add(tx, items[0], "x")
        return []

    async def test(db: Database) -> None:
        with pytest.raises(RuntimeError, match="0 results"):
            await db.submit(short, 1)
        assert await db.read(names) == []

    run(database, test)


def test_close_finishes_what_waits(database: Opener) -> None:
    async def test(db: Database) -> None:
        def adding(number: int) -> Callable[[Tx], int]:
            return lambda tx: add(tx, number, str(number))

        waiting = [asyncio.ensure_future(db.write(adding(n))) for n in range(30)]
        waiting += [asyncio.ensure_future(db.submit(batch, (n, f"{n}"))) for n in range(30, 60)]
        await asyncio.sleep(0)
        await db.close()
        assert [future.result() for future in waiting] == [1] * 30 + list(range(30, 60))
        with pytest.raises(RuntimeError, match="closed"):
            await db.write(names)
        with pytest.raises(RuntimeError, match="closed"):
            await db.read(names)

    run(database, test)


def test_a_cancelled_write_that_waited_is_not_done(database: Opener) -> None:
    async def test(db: Database) -> None:
        task = asyncio.ensure_future(db.write(lambda tx: add(tx, 1, "a")))
        other = asyncio.ensure_future(db.submit(batch, (2, "b")))
        task.cancel()
        other.cancel()
        await asyncio.gather(task, other, return_exceptions=True)
        await db.write(lambda tx: add(tx, 3, "c"))
        assert await db.read(names) == ["c"]

    run(database, test)
