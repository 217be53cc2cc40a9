"""The end of patience: messages that have waited long are told of, then returned.

Most of what waits for a dead host is never tried by itself, so delay and end are found by
age (``queue.patience``), a few messages a transaction. When the wall clock has jumped,
nobody is told anything for an hour: the messages may be younger than they seem (threat F4).
When it went back, and at the start, what waits for a time that was wrong is due at once.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from postroom.blobs.store import BlobCorrupt
from postroom.db.ids import Ids
from postroom.delivery import pace
from postroom.delivery.conclusions import EXPIRED, Conclusion
from postroom.delivery.content import Loaded
from postroom.delivery.endings import Endings
from postroom.delivery.jumps import Jumps
from postroom.delivery.services import Services
from postroom.delivery.trip import Trip
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.queue import claims, clock, patience
from postroom.queue.claimed import Batch, Claimed, Recipient
from postroom.telemetry import sink
from postroom.telemetry.events import ClockJumped

MOST: Final = 100  # recipients, or messages, a step
PAUSE_MS: Final = 3_600_000

_NEVER_TRIED: Final = "No server of the domain could be reached"


class Clerk:
    """One a process; ``sweep`` now and then. ``steady`` is a clock in ms that nobody sets."""

    def __init__(
        self, services: Services, endings: Endings, ids: Ids, steady: Callable[[], int]
    ) -> None:
        self._db = services.db
        self._contents = services.contents
        self._reporter = services.reporter
        self._endings = endings
        self._ids = ids
        self._clock = services.clock
        self._schedule = services.rules.schedule
        self._jumps = Jumps(services.clock, steady, pause_ms=PAUSE_MS)
        self._is_back = True
        self._leases: set[int] = set()  # that are to be ended

    async def sweep(self) -> None:
        """Return what has waited too long, then tell of what is late. Raises MailError."""
        await self._end()
        if jump := self._jumps.look():
            sink.emit(ClockJumped(seconds=jump // 1000))
            self._is_back = jump < 0
        if self._is_back:
            await self._bring_back()
        if self._jumps.is_careful:
            return
        while await self._return_some():
            pass
        if self._schedule.delay_notice:
            while await self._warn_some():
                pass
            while await self._warn_later():
                pass

    async def _bring_back(self) -> None:
        """What waits for a time that was wrong is due now."""
        longest = 2 * max(self._schedule.longest_retry, pace.LONGEST_PAUSE)
        after: str | None = ""
        while after is not None:
            now = self._clock()
            after = await self._db.write(
                partial(clock.bring_back, now=now, longest=longest, after=after, most=MOST),
                bulk=True,
            )
        self._is_back = False

    async def _return_some(self) -> bool:
        """Whether there may be more."""
        now = self._clock()
        before, patient = [now - self._schedule.patience(patient=one) for one in (False, True)]
        lease = self._ids.next()
        self._leases.add(lease)
        batch = await self._db.write(
            lambda tx: patience.overdue(
                tx, lease, before, now, MOST, patient=patient, newest=self._ids.tick
            ),
            bulk=True,
        )
        if batch is None:
            self._leases.discard(lease)
            return False
        trip = Trip()
        try:
            try:
                await self._return(batch, trip)
            finally:
                await trip.settled()
        finally:
            await self._end()
        return True

    async def _end(self) -> None:
        """What our leases still have waits again; also those that could not be ended before."""
        for lease in sorted(self._leases):
            now = self._clock()
            await self._db.write(
                partial(claims.end, lease=lease, destination="", pace=None, now=now)
            )
            self._leases.discard(lease)

    async def _return(self, batch: Batch, trip: Trip) -> None:
        loaded = await self._contents.load(batch.letters)
        for work in batch.letters:
            one = loaded[work.letter.id]
            if isinstance(one, BlobCorrupt):
                await self._endings.quarantine(work.letter.id, str(one))
                continue
            conclusions = [
                Conclusion(recipient, "returned", _last_words(recipient), status=EXPIRED)
                for recipient in work.recipients
            ]
            trip.settle(self._reporter.report(one, conclusions))

    async def _warn_some(self) -> bool:
        """Whether there may be more."""
        now = self._clock()
        before = now - self._schedule.delay_notice
        mark = await self._db.read(lambda tx: patience.mark(tx, patience.DELAYED))
        found, end = await self._db.read(lambda tx: patience.undelayed(tx, mark, before, MOST))
        await self._warn(found, now)
        if end == mark:
            return False
        await self._db.write(lambda tx: patience.set_mark(tx, patience.DELAYED, end), bulk=True)
        return True

    async def _warn_later(self) -> bool:
        """The same of what was to go later than it came."""
        now = self._clock()
        before = now - self._schedule.delay_notice
        mark = await self._db.read(patience.mark_later)
        found, end = await self._db.read(
            lambda tx: patience.undelayed_later(tx, mark, before, MOST)
        )
        await self._warn(found, now)
        if end == mark:
            return False
        await self._db.write(lambda tx: patience.set_mark_later(tx, end), bulk=True)
        return True

    async def _warn(self, found: tuple[Claimed, ...], now: int) -> None:
        for one in await self._readable(found):
            late = [
                Conclusion(
                    recipient,
                    "later",
                    words := _last_words(recipient),
                    status=words.status or "4.4.1",
                    next_attempt=now,
                )
                for recipient in one.claimed.recipients
            ]
            await self._reporter.warn(one, late)

    async def _readable(self, found: tuple[Claimed, ...]) -> list[Loaded]:
        loaded = await self._contents.load(found) if found else {}
        return [one for one in loaded.values() if isinstance(one, Loaded)]


def _last_words(recipient: Recipient) -> ServerReply:
    """What the last attempt ended with; X.4.Y (networks, routes) is what we found ourselves."""
    code, _, text = recipient.last_reply.partition(" ")
    if len(code) != 3 or not code.isascii() or not code.isdigit():
        return local_reply(451, "4.4.1", recipient.last_reply or _NEVER_TRIED)
    status, _, rest = text.partition(" ")
    if status.count(".") == 2 and status.replace(".", "").isdigit() and status.isascii():
        return ServerReply(int(code), status, (rest,), is_local=status.startswith("4.4."))
    return ServerReply(int(code), "", (text,))
