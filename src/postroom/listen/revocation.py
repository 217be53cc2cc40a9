"""Sessions end when what they were opened with ends: the account, or the password.

Every change of the directory raises its version. This looks at the version when a hint of another
process comes and twice a second, and after a change asks once for all who are logged in. Who has
proved who he is by other means than a password here (a token, a certificate, an LDAP server) stays for as long
as the account may log in.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from postroom.db.database import Tx
from postroom.directory import credentials, version
from postroom.errors import MailError
from postroom.listen.connections import Connections, Owner

EVERY: Final = 0.5  # seconds between two looks
TOGETHER: Final = 200  # accounts in one transaction

T = TypeVar("T")


class Reader(Protocol):
    """What is needed of a database."""

    async def read(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` in a read transaction."""


class Revocation:
    """One a server. ``hint`` wakes it."""

    def __init__(self, db: Reader, connections: Connections, *, every: float = EVERY) -> None:
        """``every`` is seconds."""
        self._db = db
        self._connections = connections
        self._every = every
        self._hinted = asyncio.Event()
        self._seen = -1
        self._known: set[Owner] = set()

    def hint(self) -> None:
        """The directory may have changed."""
        self._hinted.set()

    async def run(self) -> None:
        """Until it is cancelled. While the database does not answer nobody is sent away."""
        while True:
            try:
                async with asyncio.timeout(self._every):
                    await self._hinted.wait()
            except TimeoutError:
                pass
            self._hinted.clear()
            with contextlib.suppress(MailError):
                await self.look()

    async def look(self) -> None:
        """End the sessions of who may be here no longer. Raises MailError."""
        owners = self._connections.owners()
        if not owners:
            self._seen, self._known = -1, owners  # what changes meanwhile concerns nobody
            return
        number = await self._db.read(version.read)
        if number != self._seen:
            self._known = set()
        asked = sorted(owners - self._known)
        for at in range(0, len(asked), TOGETHER):
            some = asked[at : at + TOGETHER]
            self._connections.expel(await self._db.read(partial(credentials.ended, owners=some)))
        self._seen, self._known = number, owners
