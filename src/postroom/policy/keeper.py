"""Keeps what is known of those who connect over a restart, and in step with other processes.

What changed in memory is written together every two seconds, not with each connection: a flood of strangers costs no more writes than a few. What others wrote (a
postmaster's command, another server on the database) is read after a hint and every ten
seconds. A kill loses the last two seconds.
"""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from itertools import islice
from typing import Final, TypeVar

from postroom.db.database import Database, Tx
from postroom.policy import ban_rows, device_rows, greylist_rows, login_rows
from postroom.policy.bans import Ban, Bans
from postroom.policy.devices import Devices
from postroom.policy.greylist import Greylist
from postroom.policy.logins import Attempt, Logins
from postroom.telemetry.trouble import quietly

CHUNK: Final = 1_000  # rows of a kind in one transaction
LOGINS: Final = 200  # of those that take several statements each
PAUSE: Final = 2.0  # seconds between two writes
ROUNDS_OF_LOOK: Final = 5  # so many pauses from one look at the rows to the next

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Keeper:
    """Of one server. ``load`` it before the doors open, ``run`` it, ``close`` it at the end."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], int],
        bans: Bans,
        devices: Devices,
        greylist: Greylist,
        logins: Logins | None = None,
    ) -> None:
        """``clock`` is UTC milliseconds. Without ``logins`` those are not kept."""
        self._db = db
        self._clock = clock
        self._bans = bans
        self._devices = devices
        self._greylist = greylist
        self._logins = Logins(is_kept=False) if logins is None else logins
        self._state: tuple[int, int] | None = None
        self._hinted = asyncio.Event()

    def hint(self) -> None:
        """A postmaster may have changed something: look soon."""
        self._hinted.set()

    async def load(self) -> None:
        """Read what is written down."""
        now = self._clock()
        self._devices.put(await self._db.read(lambda tx: device_rows.every(tx, now)))
        await self.look()

    async def run(self) -> None:
        """Write and look from time to time; until it is cancelled."""
        rounds = 0
        while True:
            try:
                async with asyncio.timeout(PAUSE):
                    await self._hinted.wait()
            except TimeoutError:
                rounds += 1
            is_time = self._hinted.is_set() or rounds >= ROUNDS_OF_LOOK
            if await quietly("bans", self._turn if is_time else self.flush):
                rounds = 0 if is_time else rounds
            else:  # memory holds meanwhile
                await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        """Write what is left; the last call."""
        self._logins.sweep(self._clock(), everything=True)
        await quietly("bans", self.flush)

    async def _turn(self) -> None:
        await self.flush()
        self._hinted.clear()
        self._logins.sweep(self._clock())
        await self.look()

    async def look(self) -> None:
        """Take over the bans that are written down, if they have changed."""

        def read(tx: Tx) -> tuple[tuple[int, int], list[Ban] | None]:
            state = ban_rows.state(tx)
            return state, None if state == self._state else ban_rows.every(tx)

        state, bans = await self._db.read(read)
        if bans is not None:
            self._bans.replace(bans)
            self._state = state

    async def flush(self) -> None:
        """Write what has changed. Raises MailError; nothing is forgotten then."""
        while (
            self._bans.changed
            or self._devices.changed
            or self._greylist.changed
            or self._logins.changed
        ):
            await self._write()

    async def _write(self) -> None:
        bans, devices = _some(self._bans.changed), _some(self._devices.changed)
        greylist, logins = _some(self._greylist.changed), _some(self._logins.changed, LOGINS)
        owners: Mapping[Attempt, int] = {}
        if logins:
            owners = await self._db.read(lambda tx: login_rows.owners_of(tx, logins))

        def write(tx: Tx) -> None:
            ban_rows.put(tx, bans.values())
            device_rows.put(tx, devices.values())
            greylist_rows.put(tx, greylist.values())
            login_rows.put(tx, logins, owners)

        await self._db.write(write, bulk=True)
        if bans:
            self._state = None  # what the rows were before is no sign any more
        _written(self._bans.changed, bans)
        _written(self._devices.changed, devices)
        _written(self._greylist.changed, greylist)
        self._devices.put(devices.values())
        self._logins.written(logins, self._clock())


def _some(changed: Mapping[KeyT, ValueT], most: int | None = None) -> dict[KeyT, ValueT]:
    """As many as one transaction may write."""
    return dict(islice(changed.items(), CHUNK if most is None else most))


def _written(changed: MutableMapping[KeyT, ValueT], written: Mapping[KeyT, ValueT]) -> None:
    """Take out what is written down and has not changed again meanwhile."""
    for key, value in written.items():
        if changed.get(key) is value:
            del changed[key]
