"""Event streams: a client that stays connected is told what has changed (RFC 8620 §7.3).

A stream watches the mailboxes of all its accounts through ``notify``. A wake-up says "look": what is
told is the difference between the states of now and those that were told before, so wake-ups that
come twice tell nothing, and lost ones are made good by a look from time to time. A stream ends with
the password that it was opened with, and with the server.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from postroom.db.database import Database
from postroom.directory import version
from postroom.errors import MailError
from postroom.notify import DIRECTORY, Notify
from postroom.store.store import account_key
from postroom.web.api.call import Services
from postroom.web.connection import END
from postroom.web.jmap import session, types
from postroom.web.jmap.account import Account
from postroom.web.jmap.errors import RequestError
from postroom.web.jmap.guard import Guard
from postroom.web.jmap.method import Caller
from postroom.web.jmap.turnstile import STREAMS, Turnstile
from postroom.web.jmap.types import TYPES, States

EVERY: Final = 60.0  # seconds between two looks without a wake-up
TOGETHER: Final = 0.5  # seconds in which changes are gathered
REVISED: Final = 1.0  # seconds between two looks at the version of the directory
MIN_PING: Final = 5
MAX_PING: Final = 900
MAX_WATCHED: Final = 10_000  # mailboxes of a stream that wake it; others are looked at in time


class Asked(msgspec.Struct, frozen=True):
    """What a client wants: ``ping`` in seconds, 0 for none."""

    types: frozenset[str]
    ends_after_state: bool
    ping: int
    last: str


def asked(request: Request) -> Asked:
    """The parameters of the URL (RFC 8620 §7.3); raises RequestError."""
    given = request.query_params
    names, closing, ping = (
        given.get("types", "*"),
        given.get("closeafter", "no"),
        given.get("ping", "0"),
    )
    if closing not in {"state", "no"}:
        raise RequestError("", "closeafter is state or no", status=400)
    if not (ping.isascii() and ping.isdecimal() and len(ping) < 10):
        raise RequestError("", "ping is a number of seconds", status=400)
    wanted = TYPES if names == "*" else TYPES & set(names.split(","))
    seconds = int(ping) and min(max(int(ping), MIN_PING), MAX_PING)
    last = request.headers.get("last-event-id", "")
    return Asked(frozenset(wanted), closing == "state", seconds, last)


class Revisions:
    """Wakes all streams when the directory has changed, also in another process."""

    def __init__(self, db: Database, every: float = REVISED) -> None:
        self._db = db
        self._every = every
        self._wakes: set[Callable[[], None]] = set()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watching(self, wake: Callable[[], None]) -> Iterator[None]:
        """While a stream is open."""
        self._wakes.add(wake)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._wakes.discard(wake)
            if not self._wakes and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        seen = None
        while True:
            with contextlib.suppress(MailError):
                now = await self._db.read(version.read)
                if seen is not None and now != seen:
                    for wake in tuple(self._wakes):
                        wake()
                seen = now
            await asyncio.sleep(self._every)


class Subscriptions:
    """The keys of ``notify`` that wake one stream."""

    def __init__(self, notify: Notify, wake: Callable[[], None]) -> None:
        self._notify = notify
        self._wake = wake
        self._ends: dict[int, Callable[[], None]] = {}

    def set(self, keys: Iterable[int]) -> None:
        """These, and no others."""
        wanted = set(keys)
        for key in self._ends.keys() - wanted:
            self._ends.pop(key)()
        for key in wanted - self._ends.keys():
            self._ends[key] = self._notify.subscribe(key, self._wake)


class Stream(Response):
    """The response that goes on until one of the two ends it."""

    def __init__(
        self,
        services: Services,
        guard: Guard,
        turnstile: Turnstile,
        revisions: Revisions,
        caller: Caller,
        wanted: Asked,
    ) -> None:
        super().__init__(media_type="text/event-stream")
        self._services = services
        self._guard = guard
        self._turnstile = turnstile
        self._revisions = revisions
        self._caller = caller
        self._wanted = wanted
        self._woken = asyncio.Event()
        self._ended = False
        self._subscriptions = Subscriptions(services.office.notify, self._woken.set)
        self._told: States = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        scope[END] = self._end
        account_id = self._caller.person.account_id
        try:
            with (
                self._turnstile.passing(STREAMS, account_id),
                self._revisions.watching(self._woken.set),
            ):
                await self._serve(receive, send)
        except RequestError as error:
            await error.response()(scope, receive, send)
        finally:
            self._subscriptions.set(())

    def _end(self) -> None:
        self._ended = True
        self._woken.set()

    async def _serve(self, receive: Receive, send: Send) -> None:
        work = asyncio.create_task(self._tell(send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, gone):
                task.cancel()
            results = await asyncio.gather(work, gone, return_exceptions=True)
        fault = results[0]
        if isinstance(fault, Exception) and not isinstance(fault, OSError):
            raise fault

    async def _tell(self, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache, no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        self._told = await self._look() or {}
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _write(send, b": the server tells what changes from here on\n\n")
        last = self._wanted.last
        if not (last and last != _ident(self._told) and await self._state(send, self._told)):
            await self._follow(send)
        await send({"type": "http.response.body", "body": b""})

    async def _follow(self, send: Send) -> None:
        """Until the stream ends."""
        clock = asyncio.get_running_loop().time
        ping = self._wanted.ping
        next_look, next_ping = clock() + EVERY, clock() + (ping or EVERY)
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(next_look, next_ping)):
                    await self._woken.wait()
            if self._woken.is_set() or clock() >= next_look:
                if not self._ended:
                    await asyncio.sleep(TOGETHER)
                self._woken.clear()
                next_look = clock() + EVERY
                if await self._changes(send):
                    return
            if clock() >= next_ping:
                next_ping = clock() + (ping or EVERY)
                data = b'event: ping\ndata: {"interval":%d}\n\n' % ping if ping else b":\n\n"
                await _write(send, data)

    async def _changes(self, send: Send) -> bool:
        """Tell what has changed; whether the stream is over."""
        now = await self._look()
        if now is None:
            return True
        changed = types.differences(self._told, now)
        self._told |= now
        return bool(changed) and await self._state(send, changed)

    async def _state(self, send: Send, changed: States) -> bool:
        data = msgspec.json.encode({"@type": "StateChange", "changed": changed})
        ident = _ident(self._told).encode()
        await _write(send, b"event: state\nid: %s\ndata: %s\n\n" % (ident, data))
        return self._wanted.ends_after_state

    async def _look(self) -> States | None:
        """The states of now; None when the person may be here no longer."""
        try:
            caller = await self._guard.still(self._caller)
            if caller is None:
                return None
            accounts = await session.accounts(self._services.office, caller)
            self._subscriptions.set(await _keys(accounts))
            return await types.states(self._services, caller, accounts, self._wanted.types)
        except MailError:
            return self._told  # nothing can be said at the moment


async def _keys(accounts: Iterable[Account]) -> list[int]:
    found = [DIRECTORY]
    for account in accounts:
        found.append(account_key(account.number))
        found += [place.mailbox.id for place in await account.mailboxes()]
    return found[:MAX_WATCHED]


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, octets: bytes) -> None:
    await send({"type": "http.response.body", "body": octets, "more_body": True})


def _ident(told: States) -> str:
    """What names these states, for a client that comes back (``Last-Event-ID``)."""
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:16]
