"""Fresh messages go straight from their commit to a courier.

What has just been accepted is in memory; to claim it again out of the database and to read
and decompress it would cost more than to send it. So a small message for one destination is
written as claimed from its first moment on, under a lease that this process holds for as
long as it lives, and handed over once its commit is durable. Whoever dies leaves rows of
that lease behind, and they are found like those of any other (``queue.claims.recover``).

The lane is short: so many messages, so many octets, and none for a destination that is in
trouble; all else waits in the queue as ever. While a courier to a destination is busy its
messages gather, so that the next one takes many at once; where it takes long, another is sent
after it, so that none waits behind a server that does not answer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from postroom.blobs.prepared import IN_ROW
from postroom.blobs.reader import Opened
from postroom.delivery.content import Loaded
from postroom.delivery.troubles import Troubles
from postroom.post.letter import Letter
from postroom.queue.claimed import Batch, Claimed, Recipient
from postroom.queue.rows import CAP, Outgoing, Queued

MOST: Final = 4_000  # messages in the lane
MOST_OCTETS: Final = 32 * 1024 * 1024
MOST_IN_BATCH: Final = 100
GATHERED: Final = 20  # messages that are worth another courier to the same destination
PATIENCE: Final = 0.05  # seconds after which fewer are

Start = Callable[[Batch, dict[int, Loaded], Callable[[], None]], bool]
"""Send a courier off, and call back when it is through; False: there is no place free."""


class _Line:
    """What waits for one destination, and how many couriers are on their way there."""

    __slots__ = ("busy", "hurry", "waiting")

    def __init__(self) -> None:
        self.busy = 0
        self.waiting: deque[Loaded] = deque()
        self.hurry: asyncio.TimerHandle | None = None  # while messages wait behind a courier


class Express:
    """One a process; used on one loop. Closed until ``open``."""

    def __init__(
        self, start: Start, troubles: Troubles, clock: Callable[[], int], most_couriers: int
    ) -> None:
        """``most_couriers``: to one destination at a time."""
        self._start = start
        self._troubles = troubles
        self._clock = clock
        self._most = most_couriers
        self._lease: int | None = None
        self._lines: dict[str, _Line] = {}
        self._count = 0
        self._octets = 0
        self.through: Callable[[int, int], None] = _nobody  # learns messages and octets

    @property
    def lease(self) -> int | None:
        """That of its messages, while it is open."""
        return self._lease

    def open(self, lease: int) -> None:
        """Take messages from now on, under this lease."""
        self._lease = lease

    def close(self) -> None:
        """Take no more. What is in the lane is left to whoever ends the lease."""
        self._lease = None
        for line in self._lines.values():
            _calm(line)
        self._lines.clear()

    def admit(self, letter: Letter) -> Letter:
        """The letter, claimed for us when it can go at once; else as it is."""
        if (
            self._lease is None
            or self._count >= MOST
            or self._octets >= MOST_OCTETS
            or not goes_at_once(letter, self._troubles, self._clock())
        ):
            return letter
        return claimed_for(letter, self._lease)

    def take(self, letter: Letter) -> None:
        """A letter that was admitted is durable now."""
        queued, content = letter.queued, letter.content
        if self._lease is None or queued is None or content is None:
            return
        blob = letter.blob
        self.go(loaded(queued, letter.outgoing, Small(blob.id, blob.digest, *content)))

    def go(self, loaded: Loaded) -> None:
        """The same for one that another process has admitted, under the lease of this lane."""
        destination = loaded.claimed.recipients[0].destination
        line = self._lines.setdefault(destination, _Line())
        line.waiting.append(loaded)
        self._count += 1
        self._octets += loaded.opened.size
        self._go(destination, line)

    def go_on(self) -> None:
        """There is a place free: send off what waits for one."""
        for destination, line in list(self._lines.items()):
            if line.waiting:
                self._go(destination, line)

    def _go(self, destination: str, line: _Line) -> None:
        """Send off what is worth a courier; what is not will be in a moment."""
        while line.waiting and (not line.busy or len(line.waiting) >= GATHERED):
            if not self._send_off(destination, line):
                return
        if line.waiting and line.hurry is None and line.busy < self._most:
            loop = asyncio.get_running_loop()
            line.hurry = loop.call_later(PATIENCE, self._hurry, destination, line)

    def _hurry(self, destination: str, line: _Line) -> None:
        """Those before take long."""
        line.hurry = None
        if line.waiting and self._send_off(destination, line):
            self._go(destination, line)

    def _send_off(self, destination: str, line: _Line) -> bool:
        """False: nobody more can go at present."""
        if self._lease is None or line.busy >= self._most:
            return False
        some = [line.waiting.popleft() for _ in range(min(len(line.waiting), MOST_IN_BATCH))]
        batch = Batch(self._lease, destination, tuple([one.claimed for one in some]), CAP, 0, True)
        content = {one.claimed.letter.id: one for one in some}
        line.busy += 1
        if self._start(batch, content, partial(self._back, destination, line, some)):
            return True
        line.busy -= 1
        line.waiting.extendleft(reversed(some))
        return False

    def _back(self, destination: str, line: _Line, some: Sequence[Loaded]) -> None:
        line.busy -= 1
        self._count -= len(some)
        octets = sum([one.opened.size for one in some])
        self._octets -= octets
        self.through(len(some), octets)
        _calm(line)
        self._go(destination, line)
        if not line.busy and not line.waiting:
            self._lines.pop(destination, None)


def _calm(line: _Line) -> None:
    if line.hurry is not None:
        line.hurry.cancel()
        line.hurry = None


def _nobody(_messages: int, _octets: int) -> None:
    """Nobody counts."""


def goes_at_once(letter: Letter, troubles: Troubles, now: int) -> bool:
    """Small, due, for one destination, and that is not in trouble."""
    queued = letter.queued
    if queued is None or letter.content is None or queued.first_attempt > queued.accepted:
        return False
    destination = letter.outgoing[0].destination
    if len(letter.outgoing) > 1 and any(one.destination != destination for one in letter.outgoing):
        return False
    return not troubles.has(destination, now)


def claimed_for(letter: Letter, lease: int) -> Letter:
    """The letter, its deliveries under a lease from their first moment on."""
    claimed = [msgspec.structs.replace(one, lease=lease) for one in letter.outgoing]
    return msgspec.structs.replace(letter, outgoing=tuple(claimed))


class Small(NamedTuple):
    """The stored octets of a small message."""

    blob_id: int
    digest: bytes
    head: bytes
    body: bytes


def loaded(queued: Queued, outgoing: Sequence[Outgoing], small: Small) -> Loaded:
    """What a courier would have read from the database."""
    recipients = tuple(
        [
            Recipient(
                queued_id=one.queued_id,
                number=one.number,
                address=one.recipient,
                destination=one.destination,
                orcpt=one.orcpt,
                notify=one.notify,
                attempts=0,
                warned=False,
                route=None,
                last_reply="",
                lease=one.lease or 0,
                patient=one.patient,
                inward=one.inward,
            )
            for one in outgoing
        ]
    )
    blob_id, digest, head, body = small
    opened = Opened(blob_id, head, len(body), digest, IN_ROW, body, [])
    return Loaded(Claimed(queued, recipients), opened)
