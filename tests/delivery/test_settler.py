"""Queue, ledger and notice: together or not at all."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from postroom.config.suppression import Suppression
from postroom.db.database import Tx
from postroom.delivery.finisher import FIRST_PAUSE, LONGEST_PAUSE
from postroom.delivery.settler import NotFiled, Result, Settler
from postroom.errors import MailError, StorageFailed
from postroom.ledger.rows import Fact
from postroom.post.commit import Answer, Post
from postroom.post.letter import Letter
from postroom.queue import claims, patience
from postroom.queue.claimed import Claimed
from postroom.queue.rows import NOTIFY_KEY, QUARANTINED
from postroom.queue.settling import Outcome, Settled
from postroom.telemetry.events import StorageTrouble
from tests.conftest import Opener
from tests.delivery.station import Station, alone, station
from tests.fakes import Recorder
from tests.post.office import large, letter


async def claimed(here: Station, *recipients: str) -> Claimed:
    """A message under a lease of ours."""
    await here.send(*recipients)
    now, leases = here.clock(), [here.ids.next() for _ in range(4)]
    [batch] = await here.db.write(lambda tx: claims.claim(tx, leases, now, 100))
    return batch.letters[0]


def result(work: Claimed, *letters: Letter, **more: object) -> Result:
    """Everybody is done."""
    outcomes = [Outcome(one.number, one.lease, one.destination, "done") for one in work.recipients]
    return Result(Settled(work.letter.id, tuple(outcomes)), letters=letters, **more)  # type: ignore[arg-type]


def settler(here: Station, post: Post | None = None) -> tuple[Settler, list[float]]:
    """With the pauses it makes, which take no time."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    one = Settler(
        here.db, post or here.post, here.blobs, here.clock,
        suppression=Suppression(), hint=here.town.directory.hint, sleep=sleep,
    )  # fmt: skip
    return one, pauses


class Failing(Post):
    """Fails while it has failures left; ``refusal``: what it answers to each letter."""

    failures: int = 0
    refusal: MailError | None = None

    def write(self, tx: Tx, letters: Sequence[Letter]) -> list[Answer]:
        if self.failures:
            self.failures -= 1
            raise StorageFailed(detail="the disk")
        if self.refusal is not None:
            return [self.refusal for _ in letters]
        return super().write(tx, letters)


def failing(here: Station) -> Failing:
    return Failing(here.db, here.blobs, here.notify, here.clock)


def test_notice_and_end_are_one_commit(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            work = await claimed(here, "you@b.test")
            heard = asyncio.Event()
            here.notify.subscribe(here.alice.id, heard.set)
            one, _ = settler(here)
            fact = Fact(work.letter.id, here.ids.next(), here.clock(), "bounced", "you@b.test")
            notice = letter(here, here.alice.id)
            written = await one.settle(result(work, notice, facts=(fact,)))
            assert written.done == {0}
            assert await here.waiting() == []
            assert len(await here.inbox(here.alice)) == 1
            assert [kind for kind, _, _ in await here.facts(work.letter.id)] == [
                "queued",
                "bounced",
            ]
            await heard.wait()

    asyncio.run(run())


def test_a_notice_for_elsewhere_wakes_delivery(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            work = await claimed(here, "you@b.test")
            woken = asyncio.Event()
            here.notify.subscribe(NOTIFY_KEY, woken.set)
            one, _ = settler(here)
            await one.settle(result(work, letter(here, remote=("friend@c.test",))))
            await woken.wait()
            await here.run()
            assert [one_.recipients for one_ in here.sink.taken] == [["friend@c.test"]]

    asyncio.run(run())


def test_while_the_database_fails_it_tries_and_writes_once(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            work = await claimed(here, "you@b.test")
            post = failing(here)
            post.failures = 8
            one, pauses = settler(here, post)
            blob = await large(here)
            written = await one.settle(result(work, letter(here, here.alice.id, blob=blob)))
            assert written.done == {0}
            assert len(await here.inbox(here.alice)) == 1
            assert await here.waiting() == []
            # Each failure may have run twice: in the group and alone.
            assert pauses == [min(FIRST_PAUSE * 2**n, LONGEST_PAUSE) for n in range(len(pauses))]
            assert 4 <= len(pauses) <= 8
            assert "settle" in {one_.where for one_ in events.of(StorageTrouble)}

    asyncio.run(run())


@pytest.mark.parametrize("is_large", [False, True])
def test_what_was_removed_meanwhile_has_no_notice(
    is_large: bool,
    database: Opener,
    data: Path,
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            work = await claimed(here, "you@b.test")
            await here.db.write(lambda tx: claims.end(tx, lease_of(work), "", None, here.clock()))
            before = files(data)
            blob = await large(here) if is_large else None
            one, _ = settler(here)
            written = await one.settle(result(work, letter(here, here.alice.id, blob=blob)))
            assert (written.done, written.answers) == (frozenset(), ())
            assert await here.inbox(here.alice) == []
            assert len(await here.waiting()) == 1
            assert files(data) == before  # nothing is left of the notice

    asyncio.run(run())


def lease_of(work: Claimed) -> int:
    return work.recipients[0].lease


def files(data: Path) -> set[Path]:
    return {one for one in (data / "blobs").rglob("*") if one.is_file()}


@pytest.mark.parametrize("is_large", [False, True])
def test_a_letter_that_is_the_delivery_must_be_filed(
    is_large: bool,
    database: Opener,
    data: Path,
) -> None:
    """Else the message would be gone from the queue, and nowhere."""

    async def run() -> None:
        async with station(database, data) as here:
            work = await claimed(here, "you@b.test")
            other = await claimed(here, "me@c.test")
            post = failing(here)
            post.refusal = MailError("The mailbox is full", code=452, status="4.2.2")
            one, pauses = settler(here, post)
            before = files(data)
            blob = await large(here) if is_large else None
            filing = result(work, letter(here, here.alice.id, blob=blob), is_filing=True)
            found = await asyncio.gather(
                one.settle(filing), one.settle(result(other)), return_exceptions=True
            )
            assert isinstance(found[0], NotFiled)
            assert found[0].reason is post.refusal
            assert getattr(found[1], "done", None) == {0}  # its neighbour in the commit
            assert [row.recipient for row in await here.waiting()] == ["you@b.test"]
            assert pauses == []
            assert files(data) == before
            notice = await one.settle(result(work, letter(here, here.alice.id)))
            assert notice.done == {0}  # a notice that nobody can have is no reason to wait

    asyncio.run(run())


def test_what_is_put_aside(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            work = await claimed(here, "you@b.test", "me@b.test")
            first, second = work.recipients
            one, _ = settler(here)
            outcomes = (
                Outcome(first.number, first.lease, "b.test", "done"),
                Outcome(second.number, second.lease, "b.test", "later", next_attempt=1),
            )
            await one.settle(Result(Settled(work.letter.id, outcomes), is_quarantined=True))
            assert [(row.recipient, row.status) for row in await here.waiting()] == [
                ("me@b.test", QUARANTINED)
            ]

    asyncio.run(run())


def test_a_warning_is_remembered_with_its_letter(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            work = await claimed(here, "you@b.test")
            one, _ = settler(here)
            warned = Result(
                Settled(work.letter.id, ()),
                letters=(letter(here, here.alice.id),),
                warned=work.recipients,
            )
            await one.settle(warned)
            assert len(await here.inbox(here.alice)) == 1
            now = here.clock() + 1
            await here.db.write(lambda tx: claims.end(tx, lease_of(work), "", None, now + 5))
            found, _ = await here.db.read(lambda tx: patience.undelayed(tx, 0, now, 100))
            assert found == ()

    asyncio.run(run())


def test_many_at_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            works = [await claimed(here, f"u@b{number}.test") for number in range(40)]
            one, _ = settler(here)
            make: Callable[[], Letter] = lambda: letter(here, here.alice.id)  # noqa: E731
            written = await asyncio.gather(*[one.settle(result(work, make())) for work in works])
            assert all(each.done == {0} for each in written)
            assert len(await here.inbox(here.alice)) == 40
            assert await here.waiting() == []

    asyncio.run(run())
