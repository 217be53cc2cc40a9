"""How much accounts send: recipients in 24 hours, counted in memory and kept in ``sending``.

The 24 hours of an account begin with its first recipient after the ones before ended.
``take`` asks for one more recipient, and holds it until ``give_back``; ``count`` is called
once its letter was committed. What was counted is written a second later, or when it is a
hundred recipients, as additions to the row: several servers on one database add up, and
learn of each other's (and of what a postmaster changed) from the row that comes back. A
kill loses the last second. Nobody is refused from memory alone: the row is asked first,
once a second at most, so ``release`` in another process counts at once.

An account that is *barred* sends to nobody, whatever its limit, until ``release``: somebody else
may use it. Servers learn of it, and of a lower limit, within ``LOOK_MS``.

When a clock was wrong and is set back, a window that begins in the future ends.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from postroom.db.database import Database, Row, Tx
from postroom.errors import MailError
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

WINDOW_MS: Final = 24 * 3600 * 1000
AHEAD_MS: Final = 3600 * 1000  # what the clocks of two servers may differ by
FLUSH_SECONDS: Final = 1.0
FLUSH_RECIPIENTS: Final = 100
ASK_MS: Final = 1000  # between two questions for the row of an account that is refused
LOOK_MS: Final = 10_000  # after which the row is asked whether the account was barred
MAX_WINDOWS: Final = 10_000  # accounts remembered
_CHUNK: Final = 500  # rows a write

_COLUMNS: Final = "account_id, began, recipients, most, stopped, barred"
_IS_OVER: Final = f"(sending.began + {WINDOW_MS} <= :now OR sending.began > :now + {AHEAD_MS})"


class Sent(msgspec.Struct, frozen=True):
    """What an account has sent. ``most``: its own limit, 0 none, None as the settings say."""

    recipients: int = 0
    most: int | None = None
    is_stopped: bool = False


class Denied(msgspec.Struct, frozen=True):
    """An account may send to nobody more for now; ``is_first`` once in its 24 hours.

    ``is_barred``: not for its limit, and not before it is released.
    """

    recipients: int
    limit: int
    is_first: bool
    is_barred: bool = False


class _Window(msgspec.Struct):
    """``added`` is not in the row yet; ``held`` by open transactions.

    ``asked``: when the row was for one refused; ``looked``: when it was for a bar and the limit.
    """

    began: int
    recipients: int
    most: int | None
    is_stopped: bool
    is_barred: bool = False
    held: int = 0
    added: int = 0
    asked: int = 0
    looked: int = 0


class Sending:
    """The counters of one server. Used on one event loop; end it with ``close``."""

    def __init__(self, db: Database, clock: Callable[[], int], limit: int) -> None:
        """``clock`` is UTC milliseconds; ``limit``: recipients in 24 hours, 0 for none."""
        self._db = db
        self._clock = clock
        self._limit = limit
        self._windows: dict[int, _Window] = {}
        self._unwritten = 0
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._is_closed = False

    async def take(self, account_id: int) -> Denied | None:
        """Hold one recipient more, or say why not. Raises MailError."""
        window = self._windows.get(account_id) or await self._load(account_id)
        self._begin_anew(window)
        await self._look(account_id, window)
        if self._has_room(window):
            window.held += 1
            return None
        return await self._look_again(account_id, window)

    def give_back(self, account_id: int, recipients: int) -> None:
        """Recipients that ``take`` held: their transaction is over."""
        window = self._windows.get(account_id)
        if window is not None:
            window.held = max(0, window.held - recipients)

    def count(self, account_id: int, recipients: int) -> None:
        """A letter to so many was committed."""
        window = self._windows.get(account_id)
        if window is None or not recipients:
            return
        self._begin_anew(window)
        window.recipients += recipients
        window.added += recipients
        self._unwritten += recipients
        if self._unwritten >= FLUSH_RECIPIENTS:
            self._flush_soon()
        else:
            self._flush_later()

    async def flush(self) -> None:
        """Write what was counted; what can't be written now is kept for the next time."""
        async with self._lock:
            self._unwritten = 0
            changed = sorted(ident for ident, one in self._windows.items() if one.added)
            for start in range(0, len(changed), _CHUNK):
                try:
                    await self._write(changed[start : start + _CHUNK])
                except MailError as error:
                    sink.emit(StorageTrouble(where="sending", reason=error.detail or str(error)))
        self._forget()
        if any(one.added for one in self._windows.values()):
            self._flush_later()

    async def close(self) -> None:
        """Write what is left; the last call."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is not None:
            await self._flushing
        await self.flush()

    def _has_room(self, window: _Window) -> bool:
        if window.is_barred:
            return False
        limit = self._limit if window.most is None else window.most
        return not limit or window.recipients + window.held < limit

    async def _look(self, account_id: int, window: _Window) -> None:
        """Whether somebody has barred the account meanwhile, or set its limit; asked now and then."""
        now = self._clock()
        if window.is_barred or window.looked <= now < window.looked + LOOK_MS:
            return
        window.looked = now
        row = await self._db.read(lambda tx: _row(tx, account_id))
        if row is not None:
            window.most, window.is_barred = row[3], bool(row[5])

    async def _look_again(self, account_id: int, window: _Window) -> Denied | None:
        """Ask the row before anybody is refused; tell the first time in a window."""
        now = self._clock()
        is_first = False
        if not window.asked <= now < window.asked + ASK_MS:
            window.asked = now
            async with self._lock:
                await self._write([account_id])
                if not (self._has_room(window) or window.is_stopped or window.is_barred):
                    await self._write([account_id], stopped=1)
                    is_first = True
        if self._has_room(window):
            window.held += 1
            return None
        limit = self._limit if window.most is None else window.most
        return Denied(window.recipients + window.held, limit, is_first, window.is_barred)

    def _begin_anew(self, window: _Window) -> None:
        """Open the next 24 hours when those before are over."""
        now = self._clock()
        if window.began - AHEAD_MS <= now < window.began + WINDOW_MS:
            return
        if window.added:  # of the hours before; their row is of no interest any more
            window.added = 0
        window.began = now
        window.recipients = window.asked = 0
        window.is_stopped = False

    async def _load(self, account_id: int) -> _Window:
        row = await self._db.read(lambda tx: _row(tx, account_id))
        window = self._windows.get(account_id)
        if window is None:  # nobody was faster
            window = self._windows[account_id] = _Window(self._clock(), 0, None, False)
            if row is not None:
                _, window.began, window.recipients, window.most, stopped, barred = row
                window.is_stopped, window.is_barred = bool(stopped), bool(barred)
            window.looked = self._clock()
        return window

    async def _write(self, idents: Sequence[int], *, stopped: int = 0) -> None:
        """Add to the rows, and take over what they say. The lock is held."""
        now = self._clock()
        told = [(ident, self._windows[ident].began, self._windows[ident].added) for ident in idents]
        rows = await self._db.write(lambda tx: [_add(tx, *one, stopped, now) for one in told])
        for (ident, began, added), row in zip(told, rows, strict=True):
            window = self._windows[ident]
            if window.began != began:
                continue  # the next 24 hours have begun meanwhile
            window.added -= added
            _, window.began, recipients, window.most, stopped_now, barred = row
            window.recipients = recipients + window.added
            window.is_stopped, window.is_barred = bool(stopped_now), bool(barred)

    def _flush_later(self) -> None:
        if self._timer is None and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(FLUSH_SECONDS, self._flush_soon)

    def _flush_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self.flush())
        else:
            self._flush_later()

    def _forget(self) -> None:
        """Bound the memory: what is written and not in use can be read again."""
        if len(self._windows) > MAX_WINDOWS:
            self._windows = {
                ident: one for ident, one in self._windows.items() if one.held or one.added
            }


def of(tx: Tx, account_ids: Sequence[int], now: int) -> dict[int, Sent]:
    """What these accounts have sent in the 24 hours that run at present."""
    found: dict[int, Sent] = {}
    for start in range(0, len(account_ids), _CHUNK):
        names = {f"n{n}": ident for n, ident in enumerate(account_ids[start : start + _CHUNK])}
        for ident, began, recipients, most, stopped, barred in tx.all(
            f"SELECT {_COLUMNS} FROM sending"
            f" WHERE account_id IN ({', '.join(f':{name}' for name in names)})",
            **names,
        ):
            runs = began - AHEAD_MS <= now < began + WINDOW_MS
            is_stopped = bool(barred) or (runs and bool(stopped))
            found[ident] = Sent(recipients if runs else 0, most, is_stopped)
    return found


def set_limit(tx: Tx, account_id: int, most: int | None) -> None:
    """Give an account a limit of its own: recipients in 24 hours, 0 none, None the general."""
    tx.execute(
        "INSERT INTO sending (account_id, began, recipients, most, stopped)"
        " VALUES (:account, 0, 0, :most, 0)"
        " ON CONFLICT (account_id) DO UPDATE SET most = excluded.most",
        account=account_id,
        most=most,
    )


def bar(tx: Tx, account_id: int) -> None:
    """Let an account send to nobody until ``release``."""
    tx.execute(
        "INSERT INTO sending (account_id, began, recipients, most, stopped, barred)"
        " VALUES (:account, 0, 0, NULL, 0, 1)"
        " ON CONFLICT (account_id) DO UPDATE SET barred = 1",
        account=account_id,
    )


def release(tx: Tx, account_id: int) -> None:
    """End the 24 hours of an account, and what bars it; the next begin with its next recipient."""
    tx.execute(
        "UPDATE sending SET began = 0, recipients = 0, stopped = 0, barred = 0"
        " WHERE account_id = :account",
        account=account_id,
    )


def forget(tx: Tx, account_id: int) -> None:
    """The account is gone for good."""
    tx.execute("DELETE FROM sending WHERE account_id = :account", account=account_id)


def _row(tx: Tx, account_id: int) -> Row | None:
    return tx.one(f"SELECT {_COLUMNS} FROM sending WHERE account_id = :account", account=account_id)


def _add(tx: Tx, account_id: int, began: int, added: int, stopped: int, now: int) -> Row:
    """The row after the addition; one of hours that are over begins anew."""
    row = tx.one(
        f"INSERT INTO sending ({_COLUMNS}) VALUES (:account, :began, :added, NULL, :stopped, 0)"
        " ON CONFLICT (account_id) DO UPDATE SET"
        f" recipients = CASE WHEN {_IS_OVER} THEN 0 ELSE sending.recipients END"
        " + excluded.recipients,"
        f" stopped = CASE WHEN {_IS_OVER} OR sending.stopped < excluded.stopped"
        " THEN excluded.stopped ELSE sending.stopped END,"
        f" began = CASE WHEN {_IS_OVER} THEN excluded.began ELSE sending.began END"
        f" RETURNING {_COLUMNS}",
        account=account_id,
        began=began,
        added=added,
        stopped=stopped,
        now=now,
    )
    if row is None:
        raise AssertionError("an upsert returns its row")
    return row
