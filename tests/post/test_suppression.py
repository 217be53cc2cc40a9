"""How addresses come onto a list by themselves, and the mark of a message."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.config.suppression import Suppression
from postroom.directory import suppressions
from postroom.directory.suppressions import Kind, Suppressed
from postroom.ledger import hooks, occurrences, trace
from postroom.ledger.hooks import Hook
from postroom.post import suppression
from postroom.post.suppression import DAY_MS, Cause
from postroom.telemetry.events import RecipientSuppressed
from tests.conftest import Opener
from tests.delivery.station import Station, alone, station
from tests.post.office import letter

KEY = b"k" * 32


def at_station(
    database: Opener, data: Path, story: Callable[[Station, int], Awaitable[None]], door: str
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            one = letter(here, here.alice.id, remote=("x@far.test",))
            assert one.entry is not None
            entry = msgspec.structs.replace(one.entry, door=door, account_id=here.alice.id)
            await here.post.commit(msgspec.structs.replace(one, entry=entry))
            await story(here, entry.id)

    asyncio.run(run())


async def fill(
    here: Station, ident: int, settings: Suppression, kind: Kind = "bounce"
) -> RecipientSuppressed | None:
    cause = Cause(
        here.ids.next(), ident, here.alice.id, "X@far.test", kind, "550 5.1.1 No", here.clock()
    )
    return await here.db.write(lambda tx: suppression.fill(tx, settings, cause))


@pytest.mark.parametrize(("kind", "days"), [("bounce", 90), ("complaint", 365)])
def test_the_list_the_story_and_the_hooks_hear_of_it(
    database: Opener, data: Path, kind: Kind, days: int
) -> None:
    async def story(here: Station, ident: int) -> None:
        hook = Hook(1, "u", frozenset({"recipient.suppressed"}), "", b"s", 0)
        await here.db.write(lambda tx: hooks.add(tx, hook))
        before = await here.town.directory.suppressing(here.alice.id)
        told = await fill(here, ident, Suppression(), kind)
        assert told is not None
        assert (told.account, told.recipient, told.kind) == ("alice@home.test", "x@far.test", kind)
        one = await here.db.read(
            lambda tx: suppressions.find(tx, here.alice.id, "x@far.test", here.clock())
        )
        assert one is not None
        assert (one.until - one.at, one.ledger_id, one.reason) == (
            days * DAY_MS, ident, "550 5.1.1 No",
        )  # fmt: skip
        found = await here.db.read(lambda tx: trace.by_id(tx, ident))
        assert found is not None
        assert found.facts[-1].detail == (
            f"on the suppression list of alice@home.test until {told.until[:10]}"
        )
        (heard,) = await here.db.write(lambda tx: occurrences.take(tx, 10))
        assert (heard.event, heard.recipient) == ("recipient.suppressed", "alice@home.test")
        assert msgspec.json.decode(heard.content)["recipient"] == "x@far.test"
        assert before.entries == 0  # what was remembered is known to be over within a second
        here.clock.advance(seconds=2)
        assert (await here.town.directory.suppressing(here.alice.id)).entries == 1

    at_station(database, data, story, "api")


@pytest.mark.parametrize(
    ("door", "settings"),
    [
        ("submission", Suppression()),
        ("web", Suppression()),
        ("api", Suppression(scope="off")),
        ("api", Suppression(bounce_days=0)),
    ],
)
def test_what_does_not_fill_a_list(
    data: Path, tmp_path: Path, door: str, settings: Suppression
) -> None:
    async def story(here: Station, ident: int) -> None:
        assert await fill(here, ident, settings) is None
        assert (await here.town.directory.suppressing(here.alice.id)).entries == 0

    at_station(alone(tmp_path), data, story, door)


def test_a_message_that_is_not_known_fills_none(data: Path, tmp_path: Path) -> None:
    async def story(here: Station, ident: int) -> None:
        assert await fill(here, ident + 1, Suppression()) is None

    at_station(alone(tmp_path), data, story, "api")


def test_what_is_there_by_hand_stays(data: Path, tmp_path: Path) -> None:
    async def story(here: Station, ident: int) -> None:
        by_hand = Suppressed("x@far.test", "hand", 1)
        await here.db.write(lambda tx: suppressions.put(tx, here.alice.id, [by_hand]))
        assert await fill(here, ident, Suppression(), "complaint") is None
        one = await here.db.read(lambda tx: suppressions.find(tx, here.alice.id, "x@far.test", 9))
        assert one == by_hand

    at_station(alone(tmp_path), data, story, "api")


def test_a_list_that_is_full_is_left_as_it_is(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression, "MOST", 0)

    async def story(here: Station, ident: int) -> None:
        assert await fill(here, ident, Suppression()) is None

    at_station(alone(tmp_path), data, story, "api")


@given(st.integers(0, (1 << 63) - 1))
def test_a_mark_is_known_again(ident: int) -> None:
    mark = suppression.mark(ident, KEY)
    assert suppression.marked(f" {mark.lower()} ", KEY) == ident
    assert suppression.marked(mark, b"x" * 32) is None
    assert suppression.marked(mark[:-1], KEY) is None
    other = suppression.mark(ident ^ 1, KEY)
    assert suppression.marked(other.partition(".")[0] + "." + mark.partition(".")[2], KEY) is None


@given(st.text())
def test_anything_else_is_no_mark(text: str) -> None:
    assert suppression.marked(text, KEY) is None


def test_no_end_is_no_moment() -> None:
    assert suppression.moment(0) == ""
    assert suppression.moment(1_000) == "1970-01-01T00:00:01Z"
