"""Signing keys of own domains (RFC 6376): rows of ``dkim_key``, and what signs from memory.

A domain has a pair, RSA and Ed25519 (RFC 8463). The first pair signs at once. A pair made
later waits until its records are seen in DNS, while the one before goes on signing; then
that one retires, and its records stay published for a week, because letters signed with it
are still on their way. Private keys are sealed. How a letter is signed is for ``mailauth``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from postroom.db.database import Tx
from postroom.directory.cache import Cache
from postroom.directory.domains import OwnDomain
from postroom.directory.freshness import Reader
from postroom.directory.sealing import open_sealed, seal
from postroom.directory.secrets import Secrets
from postroom.mailauth import dkim_key

PUBLISHED_MS: Final = 7 * 24 * 3600 * 1000
"""How long the records of a retired key stay published."""

Algorithm = Literal["rsa", "ed25519"]
State = Literal["waiting", "active", "retired"]

_COLUMNS: Final = (
    "k.id, k.domain_id, d.name, k.selector, k.algorithm, k.public_key, k.state, k.created,"
    " k.activated, k.retired"
)
_SELECTOR: Final = re.compile(r"p[re](\d+)([a-z]+)")
_PREFIX: Final[dict[Algorithm, str]] = {"rsa": "pr", "ed25519": "pe"}


@dataclass(frozen=True, slots=True)
class Material:
    """A new key: PKCS8 and SubjectPublicKeyInfo, both DER."""

    algorithm: Algorithm
    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def of(cls, algorithm: Algorithm, private: bytes) -> "Material":
        """The key with its public half."""
        key = dkim_key.SigningKey.load(private, made_here=True).private.public_key()
        return cls(
            algorithm, private, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )


Pair = tuple[Material, Material]
Generate = Callable[[], Pair]


def generate_pair() -> Pair:
    """A new RSA and a new Ed25519 key. Takes 50 to 300 ms: not on the event loop."""
    return (
        Material.of("rsa", dkim_key.generate_rsa()),
        Material.of("ed25519", dkim_key.generate_ed25519()),
    )


class DkimKey(msgspec.Struct, frozen=True):
    """A key without its private half. Times are UTC milliseconds."""

    id: int
    domain_id: int
    domain: str
    selector: str
    algorithm: Algorithm
    public: bytes
    state: State
    created: int
    activated: int | None
    retired: int | None

    @property
    def record_name(self) -> str:
        """Where its record stands in DNS (RFC 6376 §3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The text of its record (RFC 6376 §3.6.1)."""
        return dkim_key.public_record(self.public)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that a domain has elsewhere."""

    selector: str
    state: Literal["waiting", "active"]
    material: Material


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key that signs; ``private`` is PKCS8 in DER."""

    selector: str
    algorithm: Algorithm
    private: bytes = field(repr=False)


def of(tx: Tx, domain_id: int) -> list[DkimKey]:
    """Every key of a domain, the oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM dkim_key k JOIN domain d ON d.id = k.domain_id"
        " WHERE k.domain_id = :domain ORDER BY k.id",
        domain=domain_id,
    )
    return [_key(row) for row in rows]


def page(tx: Tx, after: tuple[str, int], limit: int, search: str) -> list[DkimKey]:
    """The next keys by domain, then age."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM domain d CROSS JOIN dkim_key k"
        " WHERE k.domain_id = d.id AND d.removed IS NULL AND d.name >= :name"
        " AND (d.name > :name OR k.id > :id)"
        + (" AND instr(d.name, :search) > 0" if search else "")
        + " ORDER BY d.name, k.id LIMIT :limit",
        name=after[0],
        id=after[1],
        limit=limit,
        **({"search": search} if search else {}),
    )
    return [_key(row) for row in rows]


def waiting(tx: Tx, limit: int) -> list[DkimKey]:
    """Keys whose records must be seen in DNS before they sign, the oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM dkim_key k JOIN domain d ON d.id = k.domain_id"
        " WHERE k.state = 'waiting' AND d.removed IS NULL ORDER BY k.id LIMIT :limit",
        limit=limit,
    )
    return [_key(row) for row in rows]


def signs(tx: Tx, domain: str) -> bool:
    """Whether this (``Domain.ascii``) is an own domain with a key that signs."""
    row = tx.one(
        "SELECT 1 FROM domain d JOIN dkim_key k ON k.domain_id = d.id"
        " WHERE d.name = :name AND d.removed IS NULL AND k.state = 'active' LIMIT 1",
        name=domain,
    )
    return row is not None


def without(tx: Tx, after: str, limit: int) -> list[str]:
    """The names of own domains that have no key that signs, in order."""
    rows = tx.all(
        "SELECT name FROM domain WHERE removed IS NULL AND name > :after AND NOT EXISTS"
        " (SELECT 1 FROM dkim_key k WHERE k.domain_id = domain.id AND k.state = 'active')"
        " ORDER BY name LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [row[0] for row in rows]


def add(
    tx: Tx, ids: Iterable[int], own: OwnDomain, pair: Pair, *, seal_key: bytes, now: int
) -> list[DkimKey]:
    """Give the domain a pair: it signs at once when none does, else it waits."""
    present = of(tx, own.id)
    signs = any(key.state == "active" for key in present)
    year = datetime.fromtimestamp(now // 1000, UTC).year
    end = f"{year}{_next_letters(year, present)}"
    for ident, material in zip(ids, pair, strict=True):
        _insert(
            tx,
            DkimKey(
                id=ident,
                domain_id=own.id,
                domain=own.name,
                selector=_PREFIX[material.algorithm] + end,
                algorithm=material.algorithm,
                public=material.public,
                state="waiting" if signs else "active",
                created=now,
                activated=None if signs else now,
                retired=None,
            ),
            material.private,
            seal_key,
        )
    return of(tx, own.id)


def bring(
    tx: Tx,
    ids: Iterable[int],
    own: OwnDomain,
    known: Sequence[KnownKey],
    *,
    seal_key: bytes,
    now: int,
) -> list[DkimKey]:
    """Give a domain the keys that it has elsewhere, in place of those that it has here."""
    tx.execute("DELETE FROM dkim_key WHERE domain_id = :domain", domain=own.id)
    for ident, one in zip(ids, known, strict=True):
        material, is_active = one.material, one.state == "active"
        key = DkimKey(
            id=ident,
            domain_id=own.id,
            domain=own.name,
            selector=one.selector,
            algorithm=material.algorithm,
            public=material.public,
            state=one.state,
            created=now,
            activated=now if is_active else None,
            retired=None,
        )
        _insert(tx, key, material.private, seal_key)
    return of(tx, own.id)


def opened(tx: Tx, key: DkimKey, seal_key: bytes) -> KnownKey:
    """A key that is not retired, with its private half, to be taken elsewhere."""
    private = _open(tx, key, seal_key)
    state: Literal["waiting", "active"] = "active" if key.state == "active" else "waiting"
    return KnownKey(key.selector, state, Material(key.algorithm, private, key.public))


def copy(tx: Tx, ids: Sequence[int], source: OwnDomain, target: OwnDomain, seal_key: bytes) -> None:
    """Let ``target`` sign with the keys of ``source``: its records are out already.

    ``ids`` has one for each algorithm.
    """
    for ident, key in zip(ids, _active(tx, source.id), strict=False):
        private = _open(tx, key, seal_key)
        _insert(
            tx,
            msgspec.structs.replace(key, id=ident, domain_id=target.id, domain=target.name),
            private,
            seal_key,
        )


def activate(tx: Tx, ids: Sequence[int], now: int) -> None:
    """These sign from now on; those of the same domain and algorithm that did retire.

    Nothing is done for keys that do not wait.
    """
    for ident in ids:
        row = tx.one(
            "SELECT domain_id, algorithm FROM dkim_key WHERE id = :id AND state = 'waiting'",
            id=ident,
        )
        if row is None:
            continue
        tx.execute(
            "UPDATE dkim_key SET state = 'retired', retired = :now"
            " WHERE domain_id = :domain AND algorithm = :algorithm AND state = 'active'",
            now=now,
            domain=row[0],
            algorithm=row[1],
        )
        tx.execute(
            "UPDATE dkim_key SET state = 'active', activated = :now WHERE id = :id",
            now=now,
            id=ident,
        )


def purge(tx: Tx, now: int) -> list[DkimKey]:
    """Forget the retired keys whose records need not be published any more."""
    due = expired(tx, now)
    for key in due:
        tx.execute("DELETE FROM dkim_key WHERE id = :id", id=key.id)
    return due


def expired(tx: Tx, now: int) -> list[DkimKey]:
    """What ``purge`` would forget; at most 500 at a time."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM dkim_key k JOIN domain d ON d.id = k.domain_id"
        " WHERE k.state = 'retired' AND k.retired <= :time ORDER BY k.retired, k.id LIMIT 500",
        time=now - PUBLISHED_MS,
    )
    return [_key(row) for row in rows]


class SigningKeys:
    """The keys that sign, by domain, opened once."""

    def __init__(self, db: Reader, clock: Callable[[], int], secrets: Secrets) -> None:
        """``clock`` is UTC milliseconds."""
        self._secrets = secrets
        self._cache = Cache[str, tuple[StoredKey, ...]](db, clock, self._read)

    def hint(self) -> None:
        """The directory may have changed."""
        self._cache.hint()

    async def for_domain(self, domain: str) -> tuple[StoredKey, ...]:
        """The active keys of an own domain (``Domain.ascii``), RSA first; () for others.

        A key is equal to itself read again, so it may index a cache of loaded keys. Raises
        StorageFailed when ``data/secrets`` can't open them.
        """
        return await self._cache.get(domain)

    def _read(self, tx: Tx, name: str) -> tuple[StoredKey, ...]:
        row = tx.one("SELECT id FROM domain WHERE name = :name AND removed IS NULL", name=name)
        if row is None:
            return ()
        return tuple(
            StoredKey(key.selector, key.algorithm, _open(tx, key, self._secrets.seal))
            for key in _active(tx, row[0])
        )


def _active(tx: Tx, domain_id: int) -> list[DkimKey]:
    active = [key for key in of(tx, domain_id) if key.state == "active"]
    return sorted(active, key=lambda key: (key.algorithm != "rsa", key.id))


def _insert(tx: Tx, key: DkimKey, private: bytes, seal_key: bytes) -> None:
    tx.execute(
        "INSERT INTO dkim_key (id, domain_id, selector, algorithm, private_key, public_key, state,"
        " created, activated, retired) VALUES (:id, :domain, :selector, :algorithm, :private,"
        " :public, :state, :created, :activated, NULL)",
        id=key.id,
        domain=key.domain_id,
        selector=key.selector,
        algorithm=key.algorithm,
        private=seal(seal_key, private, _context(key)),
        public=key.public,
        state=key.state,
        created=key.created,
        activated=key.activated,
    )


def _open(tx: Tx, key: DkimKey, seal_key: bytes) -> bytes:
    row = tx.one("SELECT private_key FROM dkim_key WHERE id = :id", id=key.id)
    return open_sealed(seal_key, bytes(row[0]) if row else b"", _context(key))


def _context(key: DkimKey) -> bytes:
    """By the number of the domain: its name may change."""
    return f"dkim:{key.domain_id}:{key.selector}".encode()


def _next_letters(year: int, present: Iterable[DkimKey]) -> str:
    """``a`` .. ``z``, ``aa`` ..: after the last of this year, so that none comes twice."""
    last = 0
    for key in present:
        match = _SELECTOR.fullmatch(key.selector)
        if match and match[1] == str(year):
            number = 0
            for letter in match[2]:
                number = number * 26 + ord(letter) - 96
            last = max(last, number)
    letters, number = "", last + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(97 + rest) + letters
    return letters


def _key(row: tuple[Any, ...]) -> DkimKey:
    ident, domain_id, domain, selector, algorithm, public, *rest = row
    return DkimKey(ident, domain_id, domain, selector, algorithm, bytes(public), *rest)
