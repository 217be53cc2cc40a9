"""The directory as other packages hold it: who receives, who owns a name, who logs in.

Every change goes through ``change``: one transaction that also bumps the version row,
then caches of this process are told at once and those of others by a hint.
"""

from collections.abc import Callable, Collection
from typing import TypeVar

from postroom.address import Address, Domain
from postroom.db.database import ConstraintFailed, Database, Tx
from postroom.db.ids import Ids
from postroom.directory import (
    accounts,
    addresses,
    backup_domains,
    domains,
    filters,
    journals,
    persona,
    reach,
    send_as,
    senders,
    suppressions,
    verify,
    version,
)
from postroom.directory.accounts import Scram
from postroom.directory.cache import Cache
from postroom.directory.dkim_keys import SigningKeys
from postroom.directory.expand import Resolution
from postroom.directory.filters import Filter, Included
from postroom.directory.login import Identity, Logins, Outside, ScramKeys
from postroom.directory.passwords import Costs, Hasher
from postroom.directory.persona import Persona
from postroom.directory.reach import POST, Reach
from postroom.directory.relays import Relays
from postroom.directory.resolver import Resolver
from postroom.directory.secrets import Secrets
from postroom.directory.send_as import Granted
from postroom.directory.senders import Senders
from postroom.directory.suppressions import Using
from postroom.directory.tls_rules import TlsRules
from postroom.directory.verify import Expansion, Verified
from postroom.errors import NotFound, Refused
from postroom.quota import NO_QUOTA, Quota
from postroom.sieve.script import Script

T = TypeVar("T")


class Directory:
    """Domains, accounts, aliases and credentials of one install."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Callable[[], int],
        secrets: Secrets,
        *,
        costs: Costs | None = None,
        changed: Callable[[], None] = lambda: None,
        outside: Outside | None = None,
    ) -> None:
        """``changed`` is called after each change: send a hint to the other processes.

        ``outside`` knows the passwords of accounts that have none here.
        """
        self.costs = costs or Costs()
        self.hasher = Hasher(self.costs)
        self.secrets = secrets
        self._db = db
        self._ids = ids
        self._clock = clock
        self._changed = changed
        self._resolver = Resolver(db, clock)
        self._own = Cache[str, bool](db, clock, _is_own)
        self._backup = Cache[str, bool](db, clock, _is_backup)
        self._has_journals = Cache[None, bool](db, clock, lambda tx, _: journals.any_kept(tx))
        self._journals = Cache[str, Address | None](db, clock, journals.of)
        self._granted = Cache[tuple[int, str], Granted](db, clock, _granted)
        self._reach = Cache[int, Reach](db, clock, reach.of)
        self._filters = Cache[int, Filter | None](
            db, clock, filters.of, most=filters.MAX_OCTETS, weigh=filters.weight
        )
        self._included = Cache[tuple[int, str], Included](
            db, clock, filters.included, most=filters.MAX_OCTETS, weigh=filters.weight
        )
        self._personas = Cache[int, Persona](db, clock, persona.of)
        self._quotas = Cache[int, Quota](db, clock, _quota)
        self._senders = Cache[int, Senders | None](db, clock, senders.of)
        self._suppressing = Cache[int, Using](db, clock, suppressions.using)
        self.signing_keys = SigningKeys(db, clock, secrets)
        self.relays = Relays(db, clock, secrets)
        self.tls_rules = TlsRules(db, clock)
        self._logins = Logins(db, clock, secrets, self.hasher, self.costs, outside)

    async def look(self, question: Callable[[Tx], T]) -> T:
        """Read: a function of this package's row modules, in one transaction."""
        return await self._db.read(question)

    async def change(self, action: Callable[[Tx], T]) -> T:
        """Write: the same, and every cache learns of it. Nothing is changed if it raises.

        Raises Refused when another process takes the same name at the same moment.
        """

        def write(tx: Tx) -> T:
            result = action(tx)
            version.bump(tx)
            return result

        result = await self._write(write)
        self._told()
        return result

    async def change_if(self, action: Callable[[Tx], tuple[T, bool]]) -> T:
        """Write what changes the directory only at times; ``action`` says with its result if so.

        For what has to be one transaction with rows of another package.
        """

        def write(tx: Tx) -> tuple[T, bool]:
            result, is_change = action(tx)
            if is_change:
                version.bump(tx)
            return result, is_change

        result, is_change = await self._write(write)
        if is_change:
            self._told()
        return result

    async def _write(self, write: Callable[[Tx], T]) -> T:
        try:
            return await self._db.write(write)
        except ConstraintFailed as error:
            raise Refused("someone else changed the same at this moment; try again") from error

    def _told(self) -> None:
        self.hint()
        self._changed()

    def hint(self) -> None:
        """Another process may have changed the directory."""
        self._resolver.hint()
        self.signing_keys.hint()
        self.relays.hint()
        self.tls_rules.hint()
        self._own.hint()
        self._backup.hint()
        self._has_journals.hint()
        self._journals.hint()
        self._granted.hint()
        self._reach.hint()
        self._filters.hint()
        self._included.hint()
        self._senders.hint()
        self._suppressing.hint()
        self._personas.hint()
        self._quotas.hint()

    async def resolve(self, address: Address) -> Resolution:
        """Where a letter for ``address`` goes; from memory when it can be."""
        resolution = await self._resolver.resolve(address)
        if not resolution.needs_holding:
            return resolution
        await self._make_holding()
        return await self._resolver.resolve(address)

    async def resolve_postmaster(self) -> Resolution:
        """Where ``RCPT TO:<Postmaster>`` without a domain goes (RFC 5321 §4.5.1)."""
        resolution = await self._resolver.resolve_postmaster()
        if not resolution.needs_holding:
            return resolution
        await self._make_holding()
        return await self._resolver.resolve_postmaster()

    async def _owner(self, address: Address) -> int | None:
        """The account that letters to ``address`` come to, if it is one and nobody else.

        So it owns its addresses, their subaddresses, aliases and catch-alls with it as their
        only member; not a list that others are on as well. Where an account forwards its
        letters to changes nothing: it goes on owning its addresses, and who gets them does not.
        """
        found = await self.resolve(address)
        if found.holders:
            holders = found.holders
        elif found.kind == "found" and not found.remote:
            holders = tuple(one.account_id for one in found.local)
        else:
            return None
        return holders[0] or None if len(holders) == 1 else None

    async def may_send_as(self, account_id: int, address: Address) -> bool:
        """True when the account owns the address, or was granted it.

        Grants are of an address or a domain (``send_as``), or come with an INBOX that is
        shared with the right to post (``reach``).
        """
        owner = await self._owner(address)
        if owner == account_id:
            return True
        granted = await self._granted.get((account_id, address.domain.ascii))
        if granted.covers(address.local):
            return True
        return owner is not None and POST in (await self.reach(account_id)).rights(owner, owner)

    async def reach(self, account_id: int) -> Reach:
        """What others share with an account; from memory when the directory has not changed."""
        return await self._reach.get(account_id)

    async def filter_of(self, account_id: int) -> Filter | None:
        """What runs on letters to an account; from memory when the directory has not changed.

        None for most: their letters go to INBOX.
        """
        return await self._filters.get(account_id)

    async def included(self, account_id: int, name: str) -> Script | bytes | None:
        """The script that another one of the account, or of the site, includes (RFC 6609).

        ``account_id`` is ``scripts.SITE`` for those of the site. Octets where it is no valid
        script; None where there is none.
        """
        return (await self._included.get((account_id, name))).script

    async def persona_of(self, account_id: int) -> Persona:
        """Who an account is to its scripts, as ``filter_of``."""
        return await self._personas.get(account_id)

    async def senders_of(self, account_id: int) -> Senders | None:
        """The block and allow lists of an account, as ``filter_of``; None when they are empty."""
        return await self._senders.get(account_id)

    async def suppressing(self, account_id: int) -> Using:
        """How an account uses its suppression list, as ``filter_of``.

        ``entries`` may be old, but for whether there are any.
        """
        return await self._suppressing.get(account_id)

    async def is_own(self, domain: Domain) -> bool:
        """True for a domain of this install, alias domains included."""
        return await self._own.get(domain.ascii)

    async def is_backup(self, domain: Domain) -> bool:
        """True for a domain of others that we are a backup MX for."""
        return await self._backup.get(domain.ascii)

    async def has_journals(self) -> bool:
        """Whether a journal is kept of any domain."""
        return await self._has_journals.get(None)

    async def journal_of(self, domain: str) -> Address | None:
        """Where copies of mail to and from the domain with this A-label name go, if anywhere."""
        return await self._journals.get(domain)

    async def is_name(self, address: Address) -> bool:
        """True when an account or alias has exactly this name: no subaddress, no catch-all."""
        return await self.look(lambda tx: addresses.find(tx, address)) is not None

    async def address_of(self, account_id: int) -> str:
        """The main address of an account; raises NotFound when it was removed."""
        account = await self.look(lambda tx: accounts.by_id(tx, account_id))
        if account is None or account.removed is not None:
            raise NotFound("the account is gone")
        return str(account.address)

    async def named(self, account_ids: Collection[int]) -> dict[int, str]:
        """The main addresses of these accounts; of those that were removed while they are kept."""
        found = await self.look(
            lambda tx: addresses.main_of(tx, sorted(set(account_ids)), also_removed=True)
        )
        return {ident: str(address) for ident, address in found.items()}

    async def quota_of(self, account_id: int) -> Quota:
        """The quota of an account."""
        return await self._quotas.get(account_id)

    async def verify_address(self, address: Address | str) -> Verified:
        """For VRFY: an address, or a bare name that is sought in every domain."""
        if isinstance(address, str):
            local = address
            return await self.look(lambda tx: verify.verify_user(tx, local))
        mailbox = address
        return await self.look(lambda tx: verify.verify(tx, mailbox))

    async def expand(self, address: Address) -> Expansion:
        """For EXPN: the members of an alias."""
        return await self.look(lambda tx: verify.expand(tx, address))

    async def password(self, login: str, password: str, scope: str) -> Identity | None:
        """Who logs in, or None; ``scope`` is smtp, imap, pop3, sieve or web. May raise Busy."""
        return await self._logins.password(login, password, scope)

    async def scram(self, login: str, scope: str) -> ScramKeys:
        """What SCRAM-SHA-256 needs; an unknown user looks like any other."""
        return await self._logins.scram(login, scope)

    async def identity(self, account_id: int, credential_id: int) -> Identity:
        """Who proved a credential by SCRAM; raises NotFound when it ended meanwhile."""
        return await self._logins.identity(account_id, credential_id)

    async def identity_of(self, account_id: int) -> Identity:
        """Who has this account, proved by no credential of ours; NotFound when they may not."""
        return await self._logins.identity_of(account_id)

    async def is_outside(self, account_id: int) -> bool:
        """Whether the password of an account is known elsewhere: it is changed there."""
        return await self._logins.is_outside(account_id)

    async def known(self, address: str) -> Identity | None:
        """Whose address this is, if that account may log in."""
        return await self._logins.known(address)

    def close(self) -> None:
        """End the threads of the password pool."""
        self.hasher.close()

    async def _make_holding(self) -> None:
        account_id, address_id = self._ids.next(), self._ids.next()
        scram = Scram(b"", self.costs.rounds)  # nobody logs in to it
        await self.change(
            lambda tx: accounts.add_holding(tx, account_id, address_id, scram, self._clock())
        )


def _quota(tx: Tx, account_id: int) -> Quota:
    account = accounts.by_id(tx, account_id)
    return account.quota if account else NO_QUOTA


def _is_own(tx: Tx, name: str) -> bool:
    return domains.find(tx, name) is not None


def _is_backup(tx: Tx, name: str) -> bool:
    return backup_domains.find(tx, Domain(name)) is not None


def _granted(tx: Tx, key: tuple[int, str]) -> Granted:
    return send_as.within(tx, *key)
