"""The heart of delivery: takes batches that are due and gives them to couriers.

It sleeps until a commit or a command wakes it, or until the next destination is ready; then
it claims as many batches as there are free places. Leases of batches under way are renewed.
At the start, what a process that died had claimed waits again, and a message it was working
on is counted (``workbench``). ``stop`` lets couriers finish; what they can't finish in time
is put back. RFC 5321 §4.5.4.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final

from postroom.db.ids import Ids, to_text
from postroom.delivery.clerk import Clerk
from postroom.delivery.content import Loaded
from postroom.delivery.courier import Courier
from postroom.delivery.express import Express
from postroom.delivery.lapses import Lapses
from postroom.delivery.services import Services
from postroom.delivery.tls_counts import TlsCounts
from postroom.delivery.workbench import Workbench
from postroom.errors import MailError
from postroom.notify import Notify
from postroom.queue import claims
from postroom.queue.claimed import Batch
from postroom.queue.claims import LEASE_MS
from postroom.queue.rows import NOTIFY_KEY
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.events import DeliveryFailed, MessageQuarantined, StorageTrouble

MOST_IN_BATCH: Final = 100  # deliveries
MOST_AT_ONCE: Final = 50  # batches claimed in one transaction
LONGEST_SLEEP: Final = 15.0  # seconds: hints may be lost, destinations be more than are looked at
SWEEP_SECONDS: Final = 60.0
PROBES_A_SECOND: Final = 20
PROBE_BURST: Final = 100
PROBE_PAUSE: Final = 1.0  # seconds
RENEW_SECONDS: Final = LEASE_MS / 4000
LAPSED_MS: Final = round((RENEW_SECONDS + SWEEP_SECONDS) * 1000)
TROUBLE_PAUSE: Final = 5.0
LEAST_STOP: Final = 1.0  # seconds for couriers to put down what they have


def _steady() -> int:
    return time.monotonic_ns() // 1_000_000


class Dispatcher:
    """One a process. ``run`` is its whole life."""

    def __init__(
        self,
        services: Services,
        ids: Ids,
        notify: Notify,
        *,
        clerk: Clerk | None,
        counts: TlsCounts,
        bench: Workbench,
        pause: float = TROUBLE_PAUSE,
    ) -> None:
        """``pause``: seconds to wait when the database fails.

        ``clerk``: None where another process looks after the end of patience.
        """
        self._pause = pause
        self._db = services.db
        self._notify = notify
        self._ids = ids
        self._courier = Courier(services)
        self._clerk = clerk
        self._pool = services.pool
        self._gathering = services.gathering
        self._counts = counts
        self._bench = bench
        self._clock = services.clock
        self._places = services.rules.places
        self._is_alone = services.rules.is_alone
        self.steady: Callable[[], int] = _steady  # ms that nobody sets
        self._lapses = Lapses(LAPSED_MS)
        self._budget = ProbeBudget(services.clock)
        self._troubles = services.troubles
        self._wake = asyncio.Event()
        self._leases: set[int] = set()
        self._couriers: dict[asyncio.Task[None], Sequence[Batch]] = {}
        self._is_paused = False
        self.leaving: Callable[[int], None] = _nobody  # learns how many messages go off
        self.has_opened = asyncio.Event()  # the express lane
        self.express = Express(
            self._send_off,
            services.troubles,
            services.clock,
            services.rules.most_per_destination,
        )

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; ``stop`` afterwards."""
        unsubscribe = self._notify.subscribe(NOTIFY_KEY, self.wake)
        others: list[asyncio.Task[None]] = []
        try:
            await self._until_done(self.recover)
            await self._until_done(self._open_express)
            others += [
                asyncio.create_task(self._every(RENEW_SECONDS, self._renew)),
                asyncio.create_task(self._every(SWEEP_SECONDS, self.sweep)),
            ]
            while True:
                self._wake.clear()
                await self._until_done(self.turn)
                await self._sleep()
        finally:
            unsubscribe()
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def stop(self, seconds: float) -> None:
        """Give couriers time to finish, then put back what is left."""
        self.express.close()
        if self._couriers:
            await asyncio.wait(self._couriers, timeout=seconds)
        for _ in range(2):  # the second time it no longer waits for a database that fails
            for courier in self._couriers:
                courier.cancel()
            if self._couriers:
                await asyncio.wait(self._couriers, timeout=max(seconds, LEAST_STOP))
        await self._pool.close()
        await self._gathering.emptied(max(seconds, LEAST_STOP))
        with contextlib.suppress(MailError):
            await self._end(sorted(self._leases))
            await self._counts.flush()
        self._bench.close()

    async def _end(self, leases: Sequence[int]) -> None:
        """What these still have is due again."""
        for lease in leases:
            now = self._clock()
            await self._db.write(
                partial(claims.end, lease=lease, destination="", pace=None, now=now)
            )

    async def _open_express(self) -> None:
        lease, until = self._ids.next(), self._clock() + LEASE_MS
        self._leases.add(lease)  # first: who is stopped while it is written ends it too
        await self._db.write(lambda tx: claims.open_lease(tx, lease, "", until))
        self.express.open(lease)
        self.has_opened.set()

    def pause(self) -> None:
        """Claim no more: somebody else delivers. What is under way here is finished here."""
        self._is_paused = True

    def resume(self) -> None:
        """Claim again."""
        self._is_paused = False
        self.wake()

    async def recover(self) -> None:
        """Once, at the start. Where others may deliver, too, whose leases are dead is not known."""
        crashed, now = self._bench.left_behind, self._clock()
        dead: dict[int, int] | None = None if self._is_alone else {}
        found = await self._db.write(lambda tx: claims.recover(tx, now, crashed, dead=dead))
        self._bench.clear()
        _tell_quarantined(found)

    async def inherit(self, node: int, crashed: Sequence[int]) -> None:
        """What a process of ours that died had claimed is due again; ``node`` is its ids'."""

        async def inherit() -> None:
            now = self._clock()
            _tell_quarantined(
                await self._db.write(lambda tx: claims.inherit(tx, now, crashed, node))
            )

        await self._until_done(inherit)
        self.wake()

    async def give_back(self, lease: int, idents: Sequence[int]) -> None:
        """Messages that a lease which has ended still has are due again."""

        async def give_back() -> None:
            now = self._clock()
            await self._db.write(
                lambda tx: claims.give_back(tx, lease, idents, destination="", pace=None, now=now)
            )

        await self._until_done(give_back)
        self.wake()

    async def drain(self) -> None:
        """Claim and run until nothing is due: a life of the queue in one call."""
        while True:
            await self.turn()
            if not self._couriers:
                return
            await asyncio.wait(self._couriers, return_when=asyncio.FIRST_COMPLETED)

    async def turn(self) -> None:
        """Claim as much as there is room for, and send couriers off with it."""
        while not self._is_paused and (room := self._room) > 0:
            batches = await self._claim(room)
            for bundle in bundles(batches):
                self._begin(bundle)
            if len(batches) < room and not any(map(_is_full, batches)):
                return

    @property
    def _room(self) -> int:
        room = min(self._places - sum(map(len, self._couriers.values())), MOST_AT_ONCE)
        return min(room, self._budget.left()) if self._troubles.is_general else room

    @property
    def _probes(self) -> int:
        """How many destinations that have failed may be tried now.

        They never take all places, nor all the time: so many a second.
        """
        trying = [batch for bundle in self._couriers.values() for batch in bundle if batch.failures]
        return max(0, min(max(1, self._places // 2) - len(trying), self._budget.left()))

    async def _claim(self, room: int) -> list[Batch]:
        leases, now, probes = [self._ids.next() for _ in range(room)], self._clock(), self._probes
        self._leases.update(leases)  # when we are cancelled now, ``stop`` ends them
        batches = await self._db.write(
            lambda tx: claims.claim(tx, leases, now, MOST_IN_BATCH, probes=probes)
        )
        self._leases.difference_update(leases)
        self._leases.update([batch.lease for batch in batches])
        is_general = self._troubles.is_general
        self._budget.spend(len([batch for batch in batches if batch.failures or is_general]))
        return batches

    def _begin(self, bundle: Sequence[Batch]) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(bundle))
        self._couriers[task] = bundle
        self.leaving(sum([len(batch.letters) for batch in bundle]))
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._couriers.pop(task)
        self.express.go_on()

    def _send_off(self, batch: Batch, content: dict[int, Loaded], back: Callable[[], None]) -> bool:
        """For messages of the express lane."""
        if self._room <= 0:
            return False
        task = asyncio.get_running_loop().create_task(self._carry(batch, content))
        self._couriers[task] = (batch,)
        self.leaving(len(batch.letters))
        task.add_done_callback(self._ended)
        task.add_done_callback(lambda _: back())
        return True

    async def _carry(self, batch: Batch, content: dict[int, Loaded]) -> None:
        """What can't be written now is written later: nothing of it may be left claimed."""
        if not await self._is_done(partial(self._courier.run, (batch,), content)):
            await self.give_back(batch.lease, [work.letter.id for work in batch.letters])

    async def _deliver(self, bundle: Sequence[Batch]) -> None:
        """When cancelled, the leases are left to ``stop``."""
        leases = [batch.lease for batch in bundle]
        try:
            if not await self._is_done(partial(self._courier.run, bundle)):
                await self._until_done(partial(self._end, leases))
            self._leases.difference_update(leases)
        finally:
            self.wake()

    async def _sleep(self) -> None:
        """Until there may be something to do."""
        seconds = LONGEST_SLEEP
        if self._budget.left() < 1:
            seconds = PROBE_PAUSE
        elif self._room > 0 and not self._is_paused:
            with contextlib.suppress(MailError):
                now = self._clock()
                ready = await self._db.read(lambda tx: claims.next_ready(tx, now))
                if ready is not None:
                    seconds = min(seconds, max(0.001, (ready - now) / 1000))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _until_done(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            if await self._is_done(step):
                return
            await asyncio.sleep(self._pause)

    async def _is_done(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Whether it went well. Nothing that goes wrong may be the end of delivery."""
        try:
            await step()
        except MailError as error:
            sink.emit(StorageTrouble(where="delivery", reason=str(error)))
        except Exception as error:  # noqa: BLE001 - see above
            sink.emit(DeliveryFailed(traceback=trace_of(error)))
        else:
            return True
        return False

    async def _renew(self) -> None:
        """Keep what couriers have."""
        leases, until = sorted(self._leases), self._clock() + LEASE_MS
        await self._db.write(partial(claims.renew, leases=leases, until=until))

    async def sweep(self) -> None:
        """Patience, counts, and on a shared database what others left. Raises MailError."""
        if not self._is_alone:
            now = self._clock()
            lapsed = await self._db.read(partial(claims.lapsed, now=now))
            dead = self._lapses.dead(lapsed, self.steady())
            await self._db.write(partial(claims.recover, now=now, crashed=(), dead=dead))
            self.wake()
        if self._clerk is not None:
            await self._clerk.sweep()
        await self._counts.flush()

    async def _every(self, seconds: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._is_done(step)
            await asyncio.sleep(seconds)


class ProbeBudget:
    """At most ``PROBES_A_SECOND`` tries that are likely to fail, after a burst at first.

    Of destinations that have failed before; of any when nothing works at all.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._clock = clock
        self._at = clock()
        self._left = PROBE_BURST

    def left(self) -> int:
        """How many may be tried at this moment.

        Grows by the second: to look for one at a time would cost more than the try.
        """
        now = self._clock()
        seconds = (now - self._at) // 1000
        if seconds > 0:
            self._left = min(PROBE_BURST, self._left + seconds * PROBES_A_SECOND)
            self._at += seconds * 1000
        elif seconds < 0:
            self._at = now
        return self._left

    def spend(self, count: int) -> None:
        """They are tried."""
        self._left -= count


def _nobody(_messages: int) -> None:
    """Nobody counts."""


def _tell_quarantined(idents: Iterable[int]) -> None:
    for ident in idents:
        reason = "the server died twice while it had this"
        sink.emit(MessageQuarantined(queue_id=to_text(ident), reason=reason))


def _is_full(batch: Batch) -> bool:
    """There may be more for its destination, and a free slot."""
    return sum([len(work.recipients) for work in batch.letters]) >= claims.LEAST


def bundles(batches: Iterable[Batch]) -> list[list[Batch]]:
    """Batches that have messages in common go together."""
    found: list[tuple[set[int], list[Batch]]] = []
    for batch in batches:
        letters = {work.letter.id for work in batch.letters}
        mine = [batch]
        rest = []
        for others, many in found:
            if letters.isdisjoint(others):
                rest.append((others, many))
            else:
                letters |= others
                mine = many + mine
        found = [*rest, (letters, mine)]
    return [many for _, many in found]
