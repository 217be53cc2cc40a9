"""Three people of one domain and a group, over a shop: who shares mailboxes with whom."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from postroom.access.folders import Folders
from postroom.access.places import Place, Places
from postroom.access.view import View
from postroom.address import Address, Domain
from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.directory import accounts, aliases, domains, shares
from postroom.directory.accounts import Account, Scram
from postroom.directory.aliases import Alias
from postroom.directory.directory import Directory
from postroom.directory.secrets import Secrets
from postroom.quota import NO_QUOTA, Quota
from postroom.store import mailboxes
from postroom.store.store import Store
from tests.access.shop import Person, shop
from tests.conftest import Opener
from tests.directory.town import QUICK

PEOPLE: Final = {"alice@demo.test": 1, "bob@demo.test": 2, "carol@demo.test": 3}
ALICE, BOB, CAROL = PEOPLE.values()
TEAM: Final = "team@demo.test"  # bob and carol


class Neighbours:
    """A store and a directory that know the same people."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self.store = store
        self.directory = directory

    async def share(self, owner: int, mailbox: str, to: str, rights: str) -> None:
        """Share a mailbox ("": the whole account) as the postmaster would; "" ends it."""
        await self.store.furnish(owner)

        def write(tx: Tx) -> None:
            mailbox_id = mailboxes.get(tx, owner, mailbox).id if mailbox else shares.WHOLE
            shares.put(tx, owner, mailbox_id, shares.grantee(tx, to)[0], frozenset(rights))

        await self.directory.change(write)

    def places(self, who: int) -> Places:
        return Places(Person(who), self.store, self.directory)

    def folders(self, who: int) -> Folders:
        return Folders(Person(who), self.store, self.places(who))

    async def place(self, who: int, name: str) -> Place:
        return await self.places(who).get(name)

    async def view(self, who: int, name: str, *, read_only: bool = False) -> View:
        return await View.open(await self.place(who, name), self.store, read_only=read_only)


async def settle(directory: Directory, ids: Ids) -> None:
    """Make the accounts of ``PEOPLE``, and the alias ``TEAM``."""

    def write(tx: Tx) -> None:
        domains.add(tx, ids.next(), Domain("demo.test"), None, 0)
        for address, ident in PEOPLE.items():
            account = Account(
                ident,
                Address.parse(address),
                "person",
                "",
                False,
                False,
                NO_QUOTA,
                0,
                None,
                ("", "", 0),
            )
            accounts.add(tx, account, Scram(b"", 1), ids.next())
        team = tuple(Address.parse(text) for text in list(PEOPLE)[1:])
        alias = Alias(ids.next(), Address.parse(TEAM), team, False, 0, ("", ""))
        aliases.add(tx, alias, ids.next())

    await directory.change(write)


@contextlib.asynccontextmanager
async def neighbours(
    database: Opener, data: Path, quotas: Mapping[int, int | Quota] | None = None
) -> AsyncIterator[Neighbours]:
    """``quotas`` by account id."""
    async with shop(database, data, quotas) as store:
        directory = Directory(
            store.db, store.ids, store.clock, Secrets(data / "secrets"), costs=QUICK
        )
        try:
            await settle(directory, store.ids)
            yield Neighbours(store, directory)
        finally:
            directory.close()
