"""Rows of the queue."""

import asyncio

import pytest
from hypothesis import given, strategies as st

from postroom.db.database import ConstraintFailed, Tx
from postroom.queue import listing, rows
from postroom.queue.rows import BULK, VERIFIED, Outgoing, Queued
from tests.conftest import Opener
from tests.fakes import START
from tests.queue.letters import add, counted, letter


def test_what_is_queued_is_due_at_once(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letters = [letter(7, "b@other.test", "c@x.test"), letter(8, "d@other.test")]
            await db.write(lambda tx: add(tx, letters))
            await db.read(counted)
            due = await db.read(
                lambda tx: tx.all(
                    "SELECT queued_id, number FROM delivery WHERE destination = :name"
                    " AND status = 0 AND next_attempt <= :now ORDER BY queued_id, number",
                    name="other.test",
                    now=START,
                )
            )
            assert due == [(7, 0), (8, 0)]
            ready = await db.read(destinations)
            assert ready == [("other.test", 2, START), ("x.test", 1, START)]

    asyncio.run(run())


def destinations(tx: Tx) -> list[tuple[object, ...]]:
    return tx.all("SELECT name, waiting, ready_at FROM destination ORDER BY name")


def test_a_new_letter_wakes_an_idle_destination_and_no_paused_one(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7)]))
            await db.write(
                lambda tx: tx.execute(
                    "UPDATE destination SET ready_at = :later, paused_until = :later",
                    later=START + 500,
                )
            )
            await db.write(lambda tx: add(tx, [letter(8, accepted=START + 20)]))
            row = await db.read(
                lambda tx: tx.one("SELECT waiting, ready_at, paused_until FROM destination")
            )
            assert row == (2, START + 20, START + 500)
            await db.write(lambda tx: add(tx, [letter(9, accepted=START + 30)]))
            assert await db.read(destinations) == [("other.test", 3, START + 20)]

    asyncio.run(run())


def test_a_letter_is_queued_once(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7)]))
            with pytest.raises(ConstraintFailed):
                await db.write(lambda tx: add(tx, [letter(7)]))
            await db.read(counted)

    asyncio.run(run())


def test_everything_of_the_envelope_is_kept(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            queued = Queued(
                id=7, blob_id=3, sender="jörg@demo.test".encode(), size=9, accepted=START,
                account_id=5, prefix=b"X: y\r\n", ret="HDRS", envid=b"QQ314159", smtputf8=True,
                eightbit=True, requiretls=True, due=START + 5, origin=VERIFIED, priority=BULK,
            )  # fmt: skip
            one = Outgoing(
                7, 0, "ü@xn--bcher-kva.test".encode(), "xn--bcher-kva.test", b"rfc822;u", "NEVER"
            )
            await db.write(lambda tx: rows.add(tx, [queued], [one]))
            shown = await db.read(lambda tx: listing.show(tx, 7))
            assert shown is not None
            assert (shown.sender, shown.ret, shown.envid) == ("jörg@demo.test", "HDRS", "QQ314159")
            assert (shown.smtputf8, shown.eightbit, shown.requiretls) == (True, True, True)
            assert (shown.due, shown.origin, shown.priority) == (START + 5, VERIFIED, BULK)
            (delivery,) = shown.deliveries
            assert delivery.recipient == "ü@xn--bcher-kva.test"
            asked = await db.read(lambda tx: tx.one("SELECT orcpt, notify FROM delivery"))
            assert asked == (b"rfc822;u", "NEVER")
            assert delivery.next_attempt == START + 5
            assert await db.read(destinations) == [("xn--bcher-kva.test", 1, START + 5)]

    asyncio.run(run())


@pytest.mark.parametrize("octets", [b"a@b>\r\nRCPT TO:<x@y", b"a\0@b", b"a\n@b", b"\x7f@b"])
def test_an_envelope_that_could_end_a_command_is_no_row(octets: bytes) -> None:
    """R11."""
    with pytest.raises(ValueError, match="control"):
        Outgoing(7, 1, octets, "b")
    with pytest.raises(ValueError, match="control"):
        Queued(id=1, blob_id=1, sender=octets, size=1, accepted=1)
    with pytest.raises(ValueError, match="control"):
        Queued(id=1, blob_id=1, sender=b"", size=1, accepted=1, envid=octets)
    with pytest.raises(ValueError, match="control"):
        Outgoing(7, 1, b"a@b", "b", orcpt=octets)
    with pytest.raises(ValueError, match="control"):
        Outgoing(7, 1, b"a@b", "b", notify=octets.decode())


def test_a_delivery_without_recipient_is_no_row() -> None:
    with pytest.raises(ValueError, match="recipient"):
        Outgoing(7, 1, b"", "b")


@given(st.binary(min_size=1))
def test_only_harmless_octets_become_a_row(octets: bytes) -> None:
    harmless = not any(octet < 32 or octet == 127 for octet in octets)
    try:
        Outgoing(7, 1, octets, "b")
    except ValueError:
        assert not harmless
    else:
        assert harmless


def test_who_still_waits(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7), letter(9)]))
            assert await db.read(lambda tx: rows.still_waiting(tx, [6, 7, 8, 9])) == {7, 9}
            assert await db.read(lambda tx: rows.still_waiting(tx, range(1, 1001))) == {7, 9}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (None, None),
        ("NEVER", "NEVER"),
        ("SUCCESS", "NEVER"),
        ("FAILURE,DELAY", "FAILURE,DELAY"),
        ("SUCCESS,FAILURE,DELAY", "FAILURE,DELAY"),
    ],
)
def test_a_success_that_was_told_is_not_told_again(asked: str | None, left: str | None) -> None:
    assert rows.unsuccessful(asked) == left
