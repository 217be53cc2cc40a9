"""The queue as a postmaster works on it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from postroom.admin import accounts, domains, queue
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import Wanted
from postroom.admin.queue import Outcome, QueuedView
from postroom.db.ids import to_text
from postroom.errors import Invalid, NotFound
from postroom.ledger import trace
from postroom.post.commit import Post
from postroom.queue import claims, listing
from postroom.queue.claims import Pace
from postroom.queue.listing import EVERYTHING, Filter
from postroom.queue.rows import FIRST, STRANGER
from tests.admin.bureau import Story, hinting
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.post.office import letter

Tell = Callable[[Story], None]


async def fill(office: Office, *letters: tuple[str, Sequence[str]]) -> list[str]:
    """Queue letters of (sender, recipients); their ids."""
    post = Post(office.db, office.blobs, office.notify, office.clock)
    ids = []
    for sender, recipients in letters:
        one = letter(office, remote=tuple(recipients), sender=sender)
        await post.commit(one)
        assert one.queued is not None
        ids.append(to_text(one.queued.id))
    return ids


THREE = (
    ("a@demo.test", ["b@other.test", "c@x.test"]),
    ("", ["d@other.test"]),
    ("A@demo.test", ["e@x.test"]),
)


async def listed(
    office: Office, chosen: Filter = EVERYTHING, limit: int | None = None
) -> list[str]:
    return [one.id async for one in queue.every(office, chosen, limit=limit)]


def test_the_queue_is_listed_shown_and_counted(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ids = await fill(office, *THREE)
        assert await listed(office) == ids
        assert await listed(office, limit=2) == ids[:2]
        assert await listed(office, queue.choose(destination="X.test")) == [ids[0], ids[2]]
        assert await listed(office, queue.choose(sender="<>")) == [ids[1]]
        assert await listed(office, queue.choose(sender="a@demo.test")) == [ids[0], ids[2]]
        assert await listed(office, queue.choose(recipient="D@other.test")) == [ids[1]]
        assert await listed(office, queue.choose(all_=True)) == ids
        first = await anext(queue.every(office))
        assert isinstance(first, QueuedView)
        assert (first.sender, first.held, len(first.recipients)) == ("a@demo.test", False, 2)
        assert first.accepted == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
        stats = await queue.stats(office)
        assert (stats.deliveries, stats.destinations, stats.held) == (4, 2, 0)
        assert stats.oldest == first.accepted
        assert [(one.destination, one.deliveries) for one in stats.deepest] == [
            ("other.test", 2),
            ("x.test", 2),
        ]
        assert stats.deepest[0].paused_until is None

    tell(story)


def test_an_empty_queue(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        assert await listed(office) == []
        stats = await queue.stats(office)
        assert (stats.deliveries, stats.oldest, stats.deepest) == (0, None, ())

    tell(story)


def test_details_name_the_account_and_the_message(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "alice@demo.test", password=None)
        found = await office.directory.password("nobody", "x", "smtp")
        assert found is None
        rows = await office.db.read(lambda tx: tx.one("SELECT id FROM account"))
        one = letter(office, remote=("b@x.test",), account_id=(rows or (0,))[0])
        await Post(office.db, office.blobs, office.notify, office.clock).commit(one)
        assert one.queued is not None
        shown = await queue.show(office, to_text(one.queued.id).upper())
        assert (shown.account, shown.message_id, shown.subject) == (
            "alice@demo.test", "m@x", "Hello",
        )  # fmt: skip
        with pytest.raises(NotFound, match="postroom trace 0000000000001"):
            await queue.show(office, "0000000000001")
        with pytest.raises(Invalid, match="no queue id"):
            await queue.show(office, "17")

    tell(story)


async def put_off(office: Office, clock: Clock, destination: str, reply: str) -> None:
    """No server of the destination could be used."""
    pace = Pace(1, 3, clock() + 600_000, reply)
    await office.db.write(lambda tx: claims.claim(tx, [7, 8], clock(), 100))
    await office.db.write(lambda tx: claims.end(tx, 7, "other.test", None, clock()))
    await office.db.write(lambda tx: claims.end(tx, 8, "x.test", None, clock()))
    await office.db.write(lambda tx: claims.end(tx, 9, destination, pace, clock()))


async def noted(office: Office, ident: str) -> list[tuple[str, str]]:
    """What the ledger says after the queueing."""
    told = await office.db.read(lambda tx: trace.by_id(tx, queue.queue_id(ident)))
    assert told is not None
    return [(fact.recipient, fact.detail) for fact in told.facts if fact.kind == "noted"]


def test_details_tell_what_becomes_of_a_message(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        one = letter(office, remote=("b@other.test", "c@x.test"), sender="a@demo.test")
        assert one.queued is not None
        later = msgspec.structs.replace(
            one.queued, due=clock() + 7_200_000, origin=STRANGER, priority=FIRST, requiretls=True
        )
        await Post(office.db, office.blobs, office.notify, office.clock).commit(
            msgspec.structs.replace(one, queued=later)
        )
        await fill(office, ("a@demo.test", ["d@x.test", "e@third.test"]))
        await put_off(office, clock, "x.test", "451 4.4.1 mx.x.test: no answer")
        shown = await queue.show(office, to_text(later.id))
        assert (shown.origin, shown.priority, shown.requiretls) == ("stranger", "first", True)
        assert shown.due - shown.accepted == timedelta(hours=2)
        other, x = sorted(shown.destinations, key=lambda one: one.destination)
        assert (other.destination, other.deliveries, other.paused_until) == ("other.test", 1, None)
        assert (x.destination, x.deliveries, x.failures, x.last_reply) == (
            "x.test", 2, 3, "451 4.4.1 mx.x.test: no answer",
        )  # fmt: skip
        assert x.paused_until == datetime(2026, 9, 21, 14, 23, 20, tzinfo=UTC)
        deepest = (await queue.stats(office)).deepest
        assert [(one.destination, one.last_reply) for one in deepest] == [
            ("x.test", "451 4.4.1 mx.x.test: no answer"),
            ("other.test", ""),
            ("third.test", ""),
        ]
        clock.advance(seconds=600)
        assert (await queue.stats(office)).deepest[0].paused_until is None

    tell(story)


def test_what_is_retried_is_due_at_once(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ids = await fill(office, *THREE)
        await queue.hold(office, ids[2:])
        later = clock() + 3_600_000
        await office.db.write(
            lambda tx: tx.execute("UPDATE delivery SET next_attempt = :at", at=later)
        )
        await put_off(office, clock, "x.test", "no answer")
        clock.advance(seconds=60)
        async with hinting(office) as mine:
            assert await queue.retry(mine, queue.choose(all_=True)) == Outcome("retried", 2, 3)
        shown = await queue.show(office, ids[0])
        assert {one.next_attempt for one in shown.recipients} == {
            shown.accepted + timedelta(minutes=1)
        }
        assert {one.paused_until for one in shown.destinations} == {None}
        assert await noted(office, ids[0]) == [
            ("b@other.test", "tried at once, by the postmaster"),
            ("c@x.test", "tried at once, by the postmaster"),
        ]
        assert await noted(office, ids[2]) == []
        assert await queue.retry(office, ids[2:]) == Outcome("retried", 0, 0)

    tell(story)


def test_what_is_rerouted_goes_that_way_and_back(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ids = await fill(office, *THREE)
        await queue.hold(office, ids[:1])
        await relays.add(office, "Office", Wanted(host="relay.test", port=587, tls="starttls"))
        route = await queue.relay_route(office, "OFFICE")
        assert route == "relay:office"
        with pytest.raises(NotFound, match="no relay x; see: postroom relay list"):
            await queue.relay_route(office, "x")
        for way, words in (
            (route, "through the relay office"),
            ("mx", "straight to the domain's own servers"),
            (None, "as configured"),
        ):
            async with hinting(office) as mine:
                found = await queue.reroute(mine, queue.choose(sender="a@demo.test"), way)
            assert found == Outcome("rerouted", 2, 3)
            shown = await queue.show(office, ids[0])
            assert [one.route for one in shown.recipients] == [way or ""] * 2
            assert {one.status for one in shown.recipients} == {"held"}
            assert (await noted(office, ids[0]))[-1] == (
                "c@x.test", f"goes {words} from now on, by the postmaster",
            )  # fmt: skip
        assert await noted(office, ids[1]) == []
        with pytest.raises(NotFound, match="nothing was changed"):
            await queue.reroute(office, [ids[1], "0000000000001"], "mx")
        assert (await queue.show(office, ids[1])).recipients[0].route == ""

    tell(story)


def test_what_is_being_tried_is_left_alone(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ids = await fill(office, ("a@demo.test", ["b@other.test"]))
        await office.db.write(lambda tx: claims.claim(tx, [7], clock(), 100))
        assert await queue.retry(office, ids) == Outcome("retried", 0, 0)
        assert await queue.reroute(office, ids, "mx") == Outcome("rerouted", 0, 0)
        assert await noted(office, ids[0]) == []

    tell(story)


def test_hold_release_and_remove_are_noted_in_the_ledger(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ids = await fill(office, *THREE)
        assert await queue.hold(office, ids[:2]) == Outcome("held", 2, 3)
        assert await queue.hold(office, ids[:1]) == Outcome("held", 0, 0)
        assert (await queue.show(office, ids[0])).held
        assert await queue.release(office, queue.choose(all_=True)) == Outcome("released", 2, 3)
        clock.advance(seconds=5)
        assert await queue.remove(office, queue.choose(sender="a@demo.test")) == Outcome(
            "removed", 2, 3
        )
        assert await listed(office) == [ids[1]]
        told = await office.db.read(lambda tx: trace.by_id(tx, queue.queue_id(ids[0])))
        assert told is not None
        assert [(fact.kind, fact.recipient) for fact in told.facts] == [
            ("queued", "b@other.test"),
            ("queued", "c@x.test"),
            ("held", "b@other.test"),
            ("held", "c@x.test"),
            ("released", "b@other.test"),
            ("released", "c@x.test"),
            ("removed", "b@other.test"),
            ("removed", "c@x.test"),
        ]
        assert (await office.db.read(listing.stats)).deliveries == 1
        freed = await office.db.read(
            lambda tx: tx.all("SELECT refs FROM blob WHERE freed_at IS NOT NULL")
        )
        assert freed == [(0,), (0,)]

    tell(story)


def test_an_unknown_id_changes_nothing(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ids = await fill(office, *THREE)
        with pytest.raises(NotFound, match="nothing was changed"):
            await queue.remove(office, [*ids, "0000000000001"])
        assert await listed(office) == ids

    tell(story)


def test_long_work_goes_in_chunks(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "PAGE", 3)
    monkeypatch.setattr(queue, "CHUNK", 4)

    async def story(office: Office, clock: Clock) -> None:
        many = [f"r{number}@x.test" for number in range(9)]
        await fill(office, *[("a@demo.test", many[:count]) for count in (1, 9, 2, 2, 1, 3, 1)])
        assert await queue.remove(office, queue.choose(destination="x.test")) == Outcome(
            "removed", 7, 19
        )
        assert await listed(office) == []

    tell(story)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "choose messages"),
        ({"destination": "no domain"}, "not a domain"),
        ({"sender": "x"}, "no @"),
        ({"recipient": "x y@z"}, "not a valid local part"),
    ],
)
def test_what_can_t_be_chosen(options: dict[str, str], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        queue.choose(**options)  # type: ignore[arg-type]
