"""Sees to certificates as long as a server runs, and hands new ones to its doors."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from postroom.admin.dns import keeping, table
from postroom.admin.office import Office
from postroom.admin.tls import certificates
from postroom.directory.certificates import handshakes, version
from postroom.net.dns import Resolver
from postroom.net.tls import Named
from postroom.notify import CHALLENGES
from postroom.telemetry.trouble import quietly

MINUTE: Final = 60.0  # seconds
ROUNDS: Final = 60  # so many minutes from one look at what is due to the next


class Renewal:
    """One a server. ``run`` until it is cancelled."""

    def __init__(
        self,
        office: Office,
        resolver: Resolver,
        install: Callable[[Sequence[Named]], None],
        prove: Callable[[Mapping[str, str]], None] = lambda _answers: None,
    ) -> None:
        """``install``, on a thread, takes all certificates whenever one has come or gone.

        ``prove``, on a thread, takes what a handshake is to prove: key authorizations by name.
        """
        self._office = office
        self._resolver = resolver
        self._install = install
        self._prove = prove
        self._version = (0, 0)
        self._proofs: Mapping[str, str] = {}
        self._keys = ("", "")
        self._woken: set[asyncio.Task[None]] = set()

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look each minute for what another process has ordered, each hour for what is due."""
        unsubscribe = self._office.notify.subscribe(CHALLENGES, self._wake)
        try:
            for number in itertools.count():
                await self._safely(self.refresh)
                await self._safely(self.show_proofs)
                if number % ROUNDS == 0:
                    await self._safely(self.see_to_all)
                    await self._safely(self.refresh)
                    await self._safely(self.publish_keys)
                await sleep(MINUTE)
        finally:
            unsubscribe()

    def _wake(self) -> None:
        """Somebody orders a certificate."""
        task = asyncio.create_task(self._safely(self.show_proofs))
        self._woken.add(task)
        task.add_done_callback(self._woken.discard)

    async def show_proofs(self) -> None:
        """Let the https doors prove what is to be proven at the moment."""
        now = self._office.now()
        found = await self._office.directory.look(lambda tx: handshakes(tx, now))
        if found != self._proofs:
            await asyncio.to_thread(self._prove, found)
            self._proofs = found

    async def publish_keys(self) -> None:
        """Keep the TLSA record of the server right, where somebody lets us."""
        office = self._office
        keys, domain = await table.tlsa_digests(office), await table.domain_of_server(office)
        if keys == self._keys or not domain or not await table.has_lasting_key(office):
            return
        if await keeping.publish(office, [domain], {"DANE"}, resolver=self._resolver):
            self._keys = keys

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
        """Order and renew; what has come is shown at once, whatever others take."""
        await certificates.see_to_all(
            self._office,
            resolver=self._resolver,
            ordered=lambda: self._safely(self.refresh),
        )

    async def _safely(self, job: Callable[[], Awaitable[object]]) -> None:
        """A job that fails is told; the certificates that are there stay."""
        await quietly("certificates", job)
