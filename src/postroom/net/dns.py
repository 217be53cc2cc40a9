"""The resolver: asks DNS servers, keeps what they say, and knows when they are gone.

- Alike questions asked at the same time are one query; who gives up waiting stops nobody else.
- The servers are asked in turn, twice: each try has two seconds; a truncated reply is asked
  for again over TCP. A server that refuses or fails is not asked a second time.
- Three lookups in a row without any reply, and none to a question about the root: the
  resolver is down. From then on whatever is not known fails at once, so that no letter waits
  for nothing; every ten seconds the root is asked for again. One reply ends it. The log
  is told of both.

It asks recursive servers and validates nothing itself: ``is_authenticated`` needs a
validating server on this machine. Search domains and the hosts file play no part.

RFC 1034 §5.3.3, RFC 1035 §7, RFC 5452, RFC 6891, RFC 7766. The words on the wire:
``dns_message.py``, ``dns_reply.py``; one try: ``dns_exchange.py``; what is kept: ``dns_cache.py``.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Literal, Self, overload

from postroom.net.dns_cache import Cache, Key
from postroom.net.dns_exchange import Silence, over_tcp, over_udp
from postroom.net.dns_message import Again, Failure, Query
from postroom.net.dns_records import (
    Answer,
    Kind,
    LookupFailed,
    Mx,
    Record,
    Srv,
    Tlsa,
    wire_name,
)
from postroom.net.dns_servers import Server, Servers
from postroom.telemetry import sink
from postroom.telemetry.events import DnsTrouble

DELIVERY_SECONDS: Final = 20.0
ACCEPTANCE_SECONDS: Final = 5.0  # for all lookups of a transaction together
TRY_SECONDS: Final = 2.0
ROUNDS: Final = 2
LONGEST: Final = 20.0  # seconds of one lookup, whoever waits for it
MOST_AT_ONCE: Final = 1_000  # lookups under way; each has one socket
SILENCES_TO_DOWN: Final = 3
PROBE_SECONDS: Final = 10.0

_ROOT: Final = bytes(1)
_DOWN: Final = Failure("no DNS server answers; check them, and dns.servers in postroom.toml")


class Resolver:
    """One a process and event loop. ``close`` it at the end, or use it in ``async with``."""

    def __init__(
        self,
        servers: Servers | Iterable[str] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        try_seconds: float = TRY_SECONDS,
    ) -> None:
        """``servers`` as in ``dns.servers``, by default the system's; ``clock`` in seconds."""
        self._servers = servers if isinstance(servers, Servers) else Servers(servers)
        self._clock = clock
        self._try_seconds = try_seconds
        self._cache = Cache(clock)
        self._under_way: dict[Key, asyncio.Task[Answer[Record] | Failure]] = {}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._silences = 0
        self._probe_at: float | None = None  # set while down

    @property
    def is_down(self) -> bool:
        """True while no server answers."""
        return self._probe_at is not None

    @overload
    async def lookup(
        self,
        name: str,
        kind: Literal["A", "AAAA", "PTR", "CNAME", "NS", "CAA"],
        *,
        seconds: float = ...,
    ) -> Answer[str]: ...
    @overload
    async def lookup(
        self, name: str, kind: Literal["MX"], *, seconds: float = ...
    ) -> Answer[Mx]: ...
    @overload
    async def lookup(
        self, name: str, kind: Literal["TXT"], *, seconds: float = ...
    ) -> Answer[bytes]: ...
    @overload
    async def lookup(
        self, name: str, kind: Literal["TLSA"], *, seconds: float = ...
    ) -> Answer[Tlsa]: ...
    @overload
    async def lookup(
        self, name: str, kind: Literal["SRV"], *, seconds: float = ...
    ) -> Answer[Srv]: ...
    @overload
    async def lookup(self, name: str, kind: Kind, *, seconds: float = ...) -> Answer[Record]: ...
    async def lookup(
        self, name: str, kind: Kind, *, seconds: float = DELIVERY_SECONDS
    ) -> Answer[Record]:
        """What the DNS says, in at most ``seconds``.

        ``name`` is in A-label form. Raises LookupFailed when nobody can tell (try again
        later), and InvalidName for what is no name at all. Nothing else.
        """
        key = (name.lower().removesuffix("."), kind)
        found = self._cache.get(key)
        if found is None:
            found = await self._share(key, seconds)
        if isinstance(found, Failure):
            raise LookupFailed(name, kind, found.reason)
        return found

    def known(self, name: str, kind: Kind) -> Answer[Record] | LookupFailed | None:
        """What a lookup would find without asking a server; None when it has to."""
        found = self._cache.get((name.lower().removesuffix("."), kind))
        if found is None and self._is_known_down():
            found = _DOWN
        if isinstance(found, Failure):
            return LookupFailed(name, kind, found.reason)
        return found

    def forget(self) -> None:
        """Empty the cache: the next lookups ask the servers."""
        self._cache.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what is under way; who waits for it is cancelled."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _share(self, key: Key, seconds: float) -> Answer[Record] | Failure:
        """Wait for the one query of all who ask the same."""
        task = self._under_way.get(key)
        if task is None:
            question = wire_name(key[0])
            if self._is_known_down():
                return _DOWN
            task = asyncio.create_task(self._find(key, question))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(task)
        except TimeoutError:
            return Failure(f"no answer in {seconds:g} s")

    async def _find(self, key: Key, name: bytes) -> Answer[Record] | Failure:
        """One lookup from its beginning to the cache."""
        if self._is_known_down() or (self.is_down and not await self._is_back()):
            return _DOWN
        try:
            async with asyncio.timeout(LONGEST), self._slots:
                found = await self._ask_all(name, key[1])
        except TimeoutError:
            found = Silence(f"no answer in {LONGEST:g} s")
        if isinstance(found, Silence):
            await self._heard_nothing(found.reason)
            found = Failure(found.reason)
        else:
            self._heard()
        self._cache.put(key, found)
        return found

    async def _ask_all(self, name: bytes, kind: Kind) -> Answer[Record] | Failure | Silence:
        """Ask one server after the other until one tells."""
        silence = Silence("no DNS server is known")
        failures: dict[Server, Failure] = {}
        for _ in range(ROUNDS):
            for server in self._servers.in_order():
                if server in failures:
                    continue
                found = await self._ask(server, name, kind)
                if isinstance(found, Answer):
                    return found
                if isinstance(found, Failure):
                    failures[server] = found
                else:
                    silence = found
                    self._servers.was_silent(server)
        return next(iter(failures.values()), silence)

    async def _ask(
        self, server: Server, name: bytes, kind: Kind
    ) -> Answer[Record] | Failure | Silence:
        """Ask one server, in another way where it wants that."""
        has_edns, ask = True, over_udp
        while True:  # at most thrice: ``read`` wants neither turn twice
            query = Query(
                name,
                kind,
                ident=secrets.randbits(16),
                cases=secrets.randbits(len(name)),
                has_edns=has_edns,
            )
            found = await ask(server, query, self._try_seconds)
            if not isinstance(found, Again):
                return found
            if found is Again.OVER_TCP:
                ask = over_tcp
            else:
                has_edns = False

    def _is_known_down(self) -> bool:
        return self._probe_at is not None and self._clock() < self._probe_at

    def _heard(self) -> None:
        self._silences = 0
        if self.is_down:
            self._probe_at = None
            sink.emit(DnsTrouble(reason="a DNS server answers again", is_back=True))

    async def _heard_nothing(self, reason: str) -> None:
        """A name with dead servers of its own is no sign; the root, which all know, is."""
        self._silences += 1
        if self._silences >= SILENCES_TO_DOWN and not self.is_down:
            if await self._answers():
                self._heard()
            elif not self.is_down:  # another lookup may have found out meanwhile
                self._probe_at = self._clock() + PROBE_SECONDS
                sink.emit(DnsTrouble(reason=reason))

    async def _is_back(self) -> bool:
        self._probe_at = self._clock() + PROBE_SECONDS  # meanwhile nobody else probes
        if await self._answers():
            self._heard()
        return not self.is_down

    async def _answers(self) -> bool:
        """Ask for the root; any reply will do."""
        for server in self._servers.in_order():
            if not isinstance(await self._ask(server, _ROOT, "NS"), Silence):
                return True
        return False
