"""Sees to certificates as long as a server runs, and hands new ones to its doors."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from postroom.admin import certificates
from postroom.admin.office import Office
from postroom.directory.certificates import version
from postroom.errors import MailError, Refused
from postroom.net.dns import Resolver
from postroom.net.tls import Named
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

MINUTE: Final = 60.0  # seconds
ROUNDS: Final = 60  # so many minutes from one look at what is due to the next


class Renewal:
    """One a server. ``run`` until it is cancelled."""

    def __init__(
        self, office: Office, resolver: Resolver, install: Callable[[Sequence[Named]], None]
    ) -> None:
        """``install``, on a thread, takes all certificates whenever one has come or gone."""
        self._office = office
        self._resolver = resolver
        self._install = install
        self._version = (0, 0)

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look each minute for what another process has ordered, each hour for what is due."""
        for number in itertools.count():
            await self._safely(self.refresh)
            if number % ROUNDS == 0:
                await self._safely(self.see_to_all)
                await self._safely(self.refresh)
            await sleep(MINUTE)

    async def refresh(self) -> bool:
        """Hand everything to the doors when something has changed; whether it had."""
        found = await self._office.directory.look(version)
        if found == self._version:
            return False
        named = await certificates.named(self._office)
        await asyncio.to_thread(self._install, named)
        self._version = found
        return True

    async def see_to_all(self) -> None:
        """Order and renew."""
        await certificates.see_to_all(self._office, resolver=self._resolver)

    async def _safely(self, job: Callable[[], Awaitable[object]]) -> None:
        """A job that fails is told; the certificates that are there stay."""
        try:
            await job()
        except (MailError, Refused, OSError) as error:
            sink.emit(StorageTrouble(where="certificates", reason=str(error)))
