"""What may log in for an account: rows of ``credential`` and how they are found.

An account has at most one chosen password and any number of app passwords, told apart
by their labels, each for some scopes.
"""

from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import ConstraintFailed, Tx
from postroom.directory import accounts, addresses
from postroom.directory.accounts import Account, Scram
from postroom.directory.passwords import ScramPair
from postroom.errors import AlreadyExists, NotFound

Scope = Literal["smtp", "imap", "pop3", "sieve", "web"]

APP_SCOPES: Final = frozenset(get_args(Scope)) - {"web"}  # never for administration

_COLUMNS: Final = "id, kind, label, scopes, verifier, stored_key, server_key, created, last_used"


class Credential(msgspec.Struct, frozen=True):
    """One password of an account, without the password."""

    id: int
    kind: Literal["password", "app"]
    label: str
    scopes: frozenset[str]
    verifier: bytes
    scram: ScramPair
    created: int
    last_used: int | None

    def allows(self, scope: str) -> bool:
        """A chosen password opens every door; an app password those of its scopes."""
        return self.kind == "password" or scope in self.scopes


class Keyring(msgspec.Struct, frozen=True):
    """All that a login needs of an account, read at once."""

    account_id: int
    address: str
    name: str
    is_admin: bool
    may_login: bool
    revision: int
    scram: Scram
    credentials: tuple[Credential, ...]
    is_guarded: bool = False
    """A second factor is on: the chosen password opens the browser only, with a code."""

    def allows(self, credential: Credential, scope: str) -> bool:
        """Whether one of the credentials opens this door."""
        if self.is_guarded and credential.kind == "password" and scope != "web":
            return False
        return credential.allows(scope)


def keyring(tx: Tx, login: Address) -> Keyring | None:
    """The keyring of the account that holds exactly this name."""
    name = addresses.find(tx, login)
    if name is None or name.account_id is None:
        return None
    return keyring_of(tx, name.account_id)


def keyring_of(tx: Tx, account_id: int) -> Keyring | None:
    """The keyring of an account."""
    row = tx.one(
        "SELECT c.name, c.is_admin, c.disabled, c.removed, c.kind, c.revision, c.scram_salt,"
        " c.scram_iterations, a.written, d.name, f.opens_mail FROM account c"
        " JOIN address a ON a.account_id = c.id AND a.main = 1"
        " JOIN domain d ON d.id = a.domain_id"
        " LEFT JOIN second_factor f ON f.account_id = c.id AND f.since IS NOT NULL"
        " WHERE c.id = :id",
        id=account_id,
    )
    if row is None:
        return None
    name, admin, disabled, removed, kind, revision, salt, rounds, local, domain, opens_mail = row
    return Keyring(
        account_id=account_id,
        address=str(Address(local, Domain(domain))),
        name=name,
        is_admin=bool(admin),
        may_login=not disabled and removed is None and kind == "person",
        revision=revision,
        scram=Scram(bytes(salt), rounds),
        credentials=tuple(of(tx, account_id)),
        is_guarded=opens_mail == 0,
    )


def ended(tx: Tx, *, owners: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of these (account, credential) that open nothing any more.

    One that is not above 0 is none of ours (a token, a certificate, a password that an LDAP server
    knows): then only the account counts.
    """
    rings: dict[int, Keyring | None] = {}
    gone = set()
    for account_id, credential_id in owners:
        if account_id not in rings:
            rings[account_id] = keyring_of(tx, account_id)
        ring = rings[account_id]
        if (
            ring is None
            or not ring.may_login
            or (credential_id > 0 and all(one.id != credential_id for one in ring.credentials))
        ):
            gone.add((account_id, credential_id))
    return gone


def of(tx: Tx, account_id: int) -> list[Credential]:
    """The credentials of an account, the chosen password last."""
    return [
        Credential(
            id=row[0],
            kind=row[1],
            label=row[2],
            scopes=frozenset(row[3].split(",")) - {""},
            verifier=bytes(row[4]),
            scram=ScramPair(bytes(row[5]), bytes(row[6])),
            created=row[7],
            last_used=row[8],
        )
        for row in tx.all(
            f"SELECT {_COLUMNS} FROM credential WHERE account_id = :id ORDER BY kind, label",
            id=account_id,
        )
    ]


def set_password(tx: Tx, account: Account, credential: Credential) -> None:
    """Replace the chosen password; the old one opens nothing from now on."""
    tx.execute("DELETE FROM credential WHERE account_id = :id AND kind = 'password'", id=account.id)
    _insert(tx, account.id, credential)
    accounts.bump(tx, account.id)


def remove_password(tx: Tx, account: Account) -> None:
    """Take the chosen password away; app passwords stay."""
    removed = tx.execute(
        "DELETE FROM credential WHERE account_id = :id AND kind = 'password'", id=account.id
    )
    if not removed:
        raise NotFound(f"{account.address} has no password")
    accounts.bump(tx, account.id)


def add_app(tx: Tx, account: Account, credential: Credential) -> None:
    """Add an app password; its label must be new."""
    try:
        _insert(tx, account.id, credential)
    except ConstraintFailed:
        raise AlreadyExists(
            f"{account.address} has an app password {credential.label!r} already; remove it first"
        ) from None
    accounts.bump(tx, account.id)


def remove_app(tx: Tx, account: Account, label: str) -> None:
    """Take an app password back."""
    removed = tx.execute(
        "DELETE FROM credential WHERE account_id = :id AND kind = 'app' AND label = :label",
        id=account.id,
        label=label,
    )
    if not removed:
        raise NotFound(
            f"{account.address} has no app password {label!r};"
            f" see: postroom account app-password list {account.address}"
        )
    accounts.bump(tx, account.id)


def set_verifier(tx: Tx, ident: int, old: bytes, new: bytes, scram: ScramPair) -> None:
    """The same password hashed anew; nothing when it was changed meanwhile."""
    tx.execute(
        "UPDATE credential SET verifier = :new, stored_key = :stored, server_key = :server"
        " WHERE id = :id AND verifier = :old",
        id=ident,
        old=old,
        new=new,
        stored=scram.stored_key,
        server=scram.server_key,
    )


def touch(tx: Tx, ident: int, now: int) -> None:
    """Note that the credential was used. No change of the directory."""
    tx.execute("UPDATE credential SET last_used = :now WHERE id = :id", id=ident, now=now)


def _insert(tx: Tx, account_id: int, credential: Credential) -> None:
    tx.execute(
        "INSERT INTO credential (id, account_id, kind, label, scopes, verifier, stored_key,"
        " server_key, created) VALUES (:id, :account, :kind, :label, :scopes, :verifier, :stored,"
        " :server, :created)",
        id=credential.id,
        account=account_id,
        kind=credential.kind,
        label=credential.label,
        scopes=",".join(sorted(credential.scopes)),
        verifier=credential.verifier,
        stored=credential.scram.stored_key,
        server=credential.scram.server_key,
        created=credential.created,
    )
