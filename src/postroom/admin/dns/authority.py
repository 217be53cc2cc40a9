"""The servers that know a zone first-hand: what they say counts, not what others remember.

RFC 1034 §4.2 (zones), RFC 8499 §6 (authoritative servers).
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Final, Self

from postroom.net.dns import Resolver
from postroom.net.dns_records import Answer, InvalidName, Kind, LookupFailed, Record
from postroom.net.dns_servers import Servers

PORT: Final = 53
MOST: Final = 3  # servers of a zone that are asked
SECONDS: Final = 10.0  # for each question


class NoZone(Exception):
    """Nobody is responsible for the name; the message says what to do."""


class Authorities:
    """Asks the servers of each name's own zone. ``close`` it, or use it in ``async with``."""

    def __init__(self, resolver: Resolver, *, port: int = PORT) -> None:
        """``resolver`` finds the servers, which answer on ``port``."""
        self._resolver = resolver
        self._port = port
        self._zones: dict[str, asyncio.Task[Resolver | None]] = {}

    async def lookup(self, name: str, kind: Kind) -> Answer[Record]:
        """What the zone says. Raises LookupFailed, InvalidName or NoZone."""
        at, failure = name, None
        while "." in at:
            servers = None
            try:
                servers = await self._servers(at)
            except LookupFailed as error:  # such as an alias that leads nowhere
                failure = failure or error
            if servers is not None:
                return await servers.lookup(name, kind, seconds=SECONDS)
            at = at.partition(".")[2]
        if failure is not None:
            raise failure
        raise NoZone(
            f"no name server is responsible for {name}; register the domain, or name its "
            "servers at your registrar"
        )

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
        """End what is under way."""
        for task in self._zones.values():
            task.cancel()
        found = await asyncio.gather(*self._zones.values(), return_exceptions=True)
        for one in found:
            if isinstance(one, Resolver):
                await one.close()

    async def _servers(self, zone: str) -> Resolver | None:
        task = self._zones.get(zone)
        if task is None:
            task = self._zones[zone] = asyncio.create_task(self._find(zone))
        return await asyncio.shield(task)

    async def _find(self, zone: str) -> Resolver | None:
        """The servers of a zone; None when there is none of this name."""
        names = await self._resolver.lookup(zone, "NS", seconds=SECONDS)
        if not names.records or names.canonical != zone:  # or those of what it is an alias of
            return None
        hosts: list[str] = []
        for name in sorted(names.records)[:MOST]:
            hosts += await self._addresses(name)
        if not hosts:
            raise LookupFailed(zone, "NS", "its name servers have no address")
        endpoints = [_endpoint(host, self._port) for host in hosts[:MOST]]
        return Resolver(Servers(endpoints, are_authorities=True))

    async def _addresses(self, name: str) -> list[str]:
        for kind in ("A", "AAAA"):
            with contextlib.suppress(LookupFailed, InvalidName):
                found = await self._resolver.lookup(name, kind, seconds=SECONDS)
                if found.records:
                    return list(found.records)
        return []


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
