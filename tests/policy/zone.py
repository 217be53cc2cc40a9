"""A DNS in a dict: what is in ``cached`` is known at once, the rest is asked for."""

import asyncio
from collections.abc import Mapping
from typing import Any

from postroom.net.dns_records import Answer, Kind, LookupFailed, wire_name

Records = Mapping[tuple[str, str], tuple[Any, ...]]


class Seconds:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Zone:
    """``failing`` names are a SERVFAIL; ``silent`` ones use up the time that they are given."""

    def __init__(self, records: Records | None = None, *, clock: Seconds | None = None) -> None:
        self.records = dict(records or {})
        self.clock = clock or Seconds()
        self.cached: set[str] = set()
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        self.held: asyncio.Event | None = None
        self.asked: list[tuple[str, str]] = []
        self.given: list[float] = []

    def known(self, name: str, kind: Kind) -> Answer[Any] | LookupFailed | None:
        return self._answer(name, kind) if name in self.cached or "*" in self.cached else None

    async def lookup(self, name: str, kind: Kind, *, seconds: float) -> Answer[Any]:
        wire_name(name)  # raises InvalidName as the resolver does
        self.asked.append((name, kind))
        self.given.append(seconds)
        if self.held is not None:
            await self.held.wait()
        if name in self.silent:
            self.clock.now += seconds
            raise LookupFailed(name, kind, f"no answer in {seconds:g} s")
        if name in self.failing:
            raise LookupFailed(name, kind, "SERVFAIL")
        return self._answer(name, kind)

    def _answer(self, name: str, kind: str) -> Answer[Any]:
        found = self.records.get((name.lower(), kind), ())
        return Answer(found, is_authenticated=False, ttl=60, canonical=name)
