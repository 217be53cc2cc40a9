"""A directory with quick passwords, and short words to fill it with."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, TypeVar

from postroom.address import Address, Domain
from postroom.db.database import Database, Tx
from postroom.db.ids import Ids
from postroom.directory import (
    accounts,
    addresses,
    aliases,
    backup_domains,
    credentials,
    domains,
    forwards,
    journals,
    passwords,
    relays,
    scripts,
    send_as,
    senders,
)
from postroom.directory.accounts import Account, Scram
from postroom.directory.aliases import Alias
from postroom.directory.credentials import APP_SCOPES, Credential
from postroom.directory.directory import Directory
from postroom.directory.domains import OwnDomain
from postroom.directory.expand import Resolution
from postroom.directory.forwards import Forward
from postroom.directory.freshness import Reader
from postroom.directory.names import Policy
from postroom.directory.passwords import Costs
from postroom.directory.relays import RelayEntry, Use
from postroom.directory.secrets import Secrets
from postroom.directory.send_as import Grant
from postroom.directory.senders import List
from postroom.quota import Quota
from tests.conftest import Opener
from tests.fakes import Clock

QUICK: Final = Costs(memory=8, passes=1, rounds=2)
SALT: Final = b"0123456789abcdef"


T = TypeVar("T")


def at(text: str) -> Address:
    return Address.parse(text)


class Counted:
    """Counts what is read."""

    def __init__(self, db: Reader) -> None:
        self._db = db
        self.reads = 0

    async def read(self, fn: Callable[[Tx], T]) -> T:
        self.reads += 1
        return await self._db.read(fn)


class Town:
    """A directory in a fresh database."""

    def __init__(self, db: Database, folder: Path, costs: Costs = QUICK) -> None:
        self.db = db
        self.clock = Clock()
        self.ids = Ids(self.clock)
        self.hints = 0
        self.secrets = Secrets(folder / "secrets")
        self.directory = self.another(costs)

    def another(self, costs: Costs = QUICK) -> Directory:
        """A directory of another process on the same database."""
        return Directory(
            self.db, self.ids, self.clock, self.secrets, costs=costs, changed=self._hint
        )

    def _hint(self) -> None:
        self.hints += 1

    async def domain(self, name: str, alias_of: str | None = None) -> OwnDomain:
        other = None if alias_of is None else Domain.parse(alias_of)
        return await self.directory.change(
            lambda tx: domains.add(tx, self.ids.next(), Domain.parse(name), other, self.clock())
        )

    async def backup_domain(self, name: str) -> None:
        await self.directory.change(
            lambda tx: backup_domains.add(tx, Domain.parse(name), self.clock())
        )

    async def policy(self, name: str, policy: Policy) -> None:
        def write(tx: Tx) -> None:
            domains.set_policy(tx, domains.require(tx, Domain.parse(name)), policy)

        await self.directory.change(write)

    async def catch_all(self, name: str, address: str | None) -> None:
        def write(tx: Tx) -> None:
            own = domains.require(tx, Domain.parse(name))
            domains.set_catch_all(tx, own, None if address is None else at(address))

        await self.directory.change(write)

    async def journal(self, name: str, address: str | None) -> None:
        def write(tx: Tx) -> None:
            own = domains.require(tx, Domain.parse(name))
            journals.put(tx, own, None if address is None else at(address))

        await self.directory.change(write)

    async def account(
        self,
        address: str,
        *,
        password: str | None = None,
        name: str = "",
        is_admin: bool = False,
        quota: int = 0,
        message_quota: int = 0,
    ) -> Account:
        account = Account(
            id=self.ids.next(),
            address=at(address),
            kind="person",
            name=name,
            is_admin=is_admin,
            is_disabled=False,
            quota=Quota(quota, message_quota),
            created=self.clock(),
            removed=None,
            key=("", "", 0),
        )
        scram = Scram(SALT, QUICK.rounds)
        added = await self.directory.change(
            lambda tx: accounts.add(tx, account, scram, self.ids.next())
        )
        if password is not None:
            await self.password(address, password)
        return added

    async def password(self, address: str, password: str) -> None:
        prepared = passwords.prepare(password)
        credential = Credential(
            id=self.ids.next(),
            kind="password",
            label="",
            scopes=frozenset(),
            verifier=(await self.directory.hasher.hash(prepared)).encode(),
            scram=passwords.scram_pair(prepared, SALT, QUICK.rounds),
            created=self.clock(),
            last_used=None,
        )
        await self.directory.change(
            lambda tx: credentials.set_password(tx, accounts.require(tx, at(address)), credential)
        )

    async def app_password(
        self, address: str, label: str = "phone", scopes: frozenset[str] = APP_SCOPES
    ) -> str:
        password = passwords.make_app_password()
        letters = passwords.app_letters(password)
        assert letters is not None
        credential = Credential(
            id=self.ids.next(),
            kind="app",
            label=label,
            scopes=scopes,
            verifier=passwords.app_verifier(self.secrets.pepper, letters),
            scram=passwords.scram_pair(password, SALT, QUICK.rounds),
            created=self.clock(),
            last_used=None,
        )
        await self.directory.change(
            lambda tx: credentials.add_app(tx, accounts.require(tx, at(address)), credential)
        )
        return password

    async def alias(self, address: str, *targets: str, hidden: bool = False) -> Alias:
        alias = Alias(
            id=self.ids.next(),
            address=at(address),
            targets=tuple(map(at, targets)),
            is_hidden=hidden,
            created=self.clock(),
            key=("", ""),
        )
        await self.directory.change(lambda tx: aliases.add(tx, alias, self.ids.next()))
        return alias

    async def forward(self, account: str, *targets: str, keep: bool = True) -> None:
        def write(tx: Tx) -> None:
            found = accounts.require(tx, at(account))
            where = Forward(tuple(map(at, targets)), keep)
            forwards.put(tx, found, self.ids.next(), where, self.clock())

        await self.directory.change(write)

    async def grant(self, account: str, what: str) -> None:
        local, _, domain = what.rpartition("@")

        def write(tx: Tx) -> None:
            send_as.add(tx, accounts.require(tx, at(account)).id, Grant(local, domain))

        await self.directory.change(write)

    async def senders(self, account: str, which: List, *patterns: str) -> None:
        await self.directory.change(
            lambda tx: senders.put(tx, accounts.require(tx, at(account)).id, which, patterns)
        )

    async def script(self, account: str, text: str, name: str = "main") -> None:
        """The active script of an account."""

        def write(tx: Tx) -> None:
            ident = accounts.require(tx, at(account)).id
            scripts.put(tx, ident, self.ids.next(), name, text, self.clock())
            scripts.activate(tx, ident, name)

        await self.directory.change(write)

    async def relay(
        self, name: str, *uses: Use, password: str = "", **fields: object
    ) -> RelayEntry:
        """A relay with these uses; ``fields`` stand in place of what they are by default."""
        usual: dict[str, object] = {
            "id": self.ids.next(),
            "name": name,
            "host": f"{name}.example",
            "port": 587,
            "tls": "starttls",
            "verify": True,
            "login": "user" if password else "",
            "mechanism": "",
            "preset": "",
            "created": self.clock(),
            "has_password": bool(password),
        }
        entry = RelayEntry(**usual | fields)  # type: ignore[arg-type]

        def write(tx: Tx) -> None:
            relays.add(tx, entry, password, self.secrets.seal)
            for use in uses:
                relays.put_use(tx, entry, use)

        await self.directory.change(write)
        return entry

    async def further(self, account: str, address: str) -> None:
        await self.directory.change(
            lambda tx: addresses.claim(
                tx,
                self.ids.next(),
                at(address),
                account_id=accounts.require(tx, at(account)).id,
            )
        )

    async def disable(self, address: str, *, disabled: bool = True) -> None:
        await self.directory.change(
            lambda tx: accounts.change(tx, accounts.require(tx, at(address)), is_disabled=disabled)
        )

    async def remove(self, address: str) -> Account:
        def write(tx: Tx) -> Account:
            account = accounts.require(tx, at(address))
            accounts.remove(tx, account, self.clock())
            return account

        return await self.directory.change(write)

    async def resolve(self, address: str) -> Resolution:
        return await self.directory.resolve(at(address))

    async def receivers(self, address: str) -> set[int | str]:
        """Ids of accounts and remote addresses that get a letter for ``address``."""
        found = await self.resolve(address)
        return {*(one.account_id for one in found.local), *found.remote}


async def forward_rows(town: Town, account: str, *targets: str, keep: bool) -> None:
    """A forward written past the check for loops."""
    ident = town.ids.next()

    def write(tx: Tx) -> None:
        tx.execute("INSERT INTO alias (id, hidden, created) VALUES (:id, 1, 0)", id=ident)
        aliases._set_targets(tx, ident, [at(text) for text in targets])
        tx.execute(
            "INSERT INTO forward (account_id, alias_id, keep) VALUES (:account, :alias, :keep)",
            account=accounts.require(tx, at(account)).id,
            alias=ident,
            keep=int(keep),
        )

    await town.directory.change(write)


Towns = Callable[[], contextlib.AbstractAsyncContextManager[Town]]


def towns(database: Opener, folder: Path, costs: Costs = QUICK) -> Towns:
    """An opener of towns."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Town]:
        async with database() as db:
            town = Town(db, folder, costs)
            try:
                yield town
            finally:
                town.directory.close()

    return opened
