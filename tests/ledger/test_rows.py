"""The rows of the ledger."""

import asyncio

import pytest
from hypothesis import given, strategies as st

from postroom.db.database import ConstraintFailed
from postroom.ledger import rows, trace
from postroom.ledger.rows import Entry, Fact, clean, folded, normal_id
from tests.conftest import Opener
from tests.fakes import START


def entry(ident: int = 7, **changes: object) -> Entry:
    fields: dict[str, object] = {
        "id": ident,
        "at": START,
        "door": "smtp",
        "peer": "192.0.2.1",
        "helo": "mx.example",
        "sender": "a@example.org",
        "message_id": "one@example.org",
        "subject": "Hello",
        "size": 1234,
    }
    return Entry(**{**fields, **changes})  # type: ignore[arg-type]


def test_what_was_added_is_read_back_and_later_facts_come_after(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            one = entry(tls="TLSv1.3", account_id=5)
            first = Fact(7, 1, START, "filed", "b@demo.test", 3, 3, 9)
            second = Fact(7, 2, START, "queued", "c@other.test", detail="other.test")
            later = Fact(7, 1 << 50, START + 5, "delivered", "c@other.test", detail="250 OK")
            await db.write(lambda tx: rows.add(tx, [one], [first, second]))
            await db.write(lambda tx: rows.note(tx, [later]))
            await db.write(lambda tx: rows.note(tx, [later]))
            story = await db.read(lambda tx: trace.by_id(tx, 7))
            assert story == trace.Story(one, (first, second, later))

    asyncio.run(run())


def test_a_letter_is_added_once_and_can_be_taken_back(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            fact = Fact(7, 1, START, "filed", "b@demo.test")
            await db.write(lambda tx: rows.add(tx, [entry()], [fact]))
            with pytest.raises(ConstraintFailed):
                await db.write(lambda tx: rows.add(tx, [entry()], []))
            assert await db.read(lambda tx: rows.entry(tx, 7)) == entry()
            await db.write(lambda tx: rows.remove(tx, 7))
            assert await db.read(lambda tx: rows.entry(tx, 7)) is None
            await db.write(lambda tx: rows.add(tx, [entry()], [fact]))

    asyncio.run(run())


def test_nothing_to_add_is_no_statement(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: rows.add(tx, [], []))

    asyncio.run(run())


@given(st.text())
def test_clean_text_can_be_stored_and_shown(text: str) -> None:
    cleaned = clean(text, 20)
    assert len(cleaned) <= 20
    assert cleaned.isprintable()
    cleaned.encode()
    assert clean(cleaned, 20) == cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\0b", "a�b"), ("x\r\ny", "x��y"), ("\udc80", "�"), ("plain", "plain")],
)
def test_controls_are_replaced(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text())
def test_what_can_be_stored_is_taken_by_both_engines_as_it_is(text: str) -> None:
    assert "\0" not in clean(text)


def test_addresses_and_message_ids_have_one_form() -> None:
    assert folded("Alice@Demo.test") == "alice@demo.test"
    assert normal_id(" <A.b@c> ") == "A.b@c"
    assert len(normal_id("x" * 5000)) == rows.MAX_TEXT
