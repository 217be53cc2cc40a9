"""What the operations of a postmaster work on: the open parts of one install."""

from collections.abc import Callable
from dataclasses import dataclass

from postroom.admin import names
from postroom.blobs.store import BlobStore
from postroom.config.model import Config
from postroom.db.database import Database
from postroom.db.ids import Ids
from postroom.directory import accounts
from postroom.directory.accounts import Account
from postroom.directory.directory import Directory
from postroom.notify import Notify
from postroom.store.store import Store


@dataclass(frozen=True, slots=True)
class Office:
    """Handed to every function of ``admin``; opened by ``admin.open`` or the server.

    Queue and ledger are functions of a transaction of ``db``.
    """

    config: Config
    db: Database
    directory: Directory
    store: Store
    blobs: BlobStore
    notify: Notify
    ids: Ids
    clock: Callable[[], int]

    def now(self) -> int:
        """UTC milliseconds."""
        return self.clock()

    async def account(self, address: str) -> Account:
        """The account with this address, as somebody has typed it. Raises Invalid, NotFound."""
        name = names.address(address)
        return await self.directory.look(lambda tx: accounts.require(tx, name))
