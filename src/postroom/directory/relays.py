"""Relays: rows of ``relay`` and ``relay_use``, and which one a letter goes through.

A relay (smarthost, RFC 5598 §5.1) is a server of someone else that takes our mail. It is
used by default, or for a sender's domain, for an account, or for a recipient's domain; the
closest use counts. Its password or token is sealed in the row and open in memory only.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import msgspec

from postroom.db.database import Tx, number
from postroom.directory.cache import Cache
from postroom.directory.freshness import Reader
from postroom.directory.sealing import open_sealed, seal
from postroom.directory.secrets import Secrets
from postroom.errors import AlreadyExists, NotFound, StorageFailed

Tls = Literal["none", "starttls", "implicit"]
Mechanism = Literal["", "xoauth2"]
UseKind = Literal["default", "sender-domain", "recipient-domain", "account"]

_COLUMNS: Final = "id, name, host, port, tls, verify, login, mechanism, preset, created, secret"


@dataclass(frozen=True, slots=True)
class RelayEntry:
    """A relay as it is listed.

    ``host`` is a name (A-labels) or an address without brackets. ``tls`` starttls and
    implicit mean that nothing is sent without TLS; ``verify`` that the certificate must name
    the host. ``login`` is "" for none; ``mechanism`` "" leaves the choice to what is offered,
    xoauth2 says that the secret is an access token. ``created`` is UTC milliseconds.
    """

    id: int
    name: str
    host: str
    port: int
    tls: Tls
    verify: bool
    login: str
    mechanism: Mechanism
    preset: str
    created: int
    has_password: bool


@dataclass(frozen=True, slots=True)
class Relay(RelayEntry):
    """A relay with its password (or token) opened: what ``delivery`` connects to."""

    password: str = field(repr=False)


class Use(msgspec.Struct, frozen=True):
    """What goes through a relay.

    ``key`` is "" for the default, a domain (A-labels), or the id of an account.
    """

    kind: UseKind
    key: str = ""


def find(tx: Tx, name: str) -> RelayEntry | None:
    """The relay of this name."""
    row = tx.one(f"SELECT {_COLUMNS} FROM relay WHERE name = :name", name=name)
    return _entry(row) if row else None


def require(tx: Tx, name: str) -> RelayEntry:
    """The relay, or a refusal."""
    found = find(tx, name)
    if found is None:
        raise NotFound(f"no relay {name}; see: postroom relay list")
    return found


def page(tx: Tx, after: str, limit: int, search: str) -> list[RelayEntry]:
    """The next relays by name; ``search`` looks in name and host."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM relay WHERE name > :after"
        + (" AND (instr(name, :search) > 0 OR instr(host, :search) > 0)" if search else "")
        + " ORDER BY name LIMIT :limit",
        after=after,
        limit=limit,
        **({"search": search} if search else {}),
    )
    return [_entry(row) for row in rows]


def count(tx: Tx) -> int:
    """How many there are."""
    return number(tx, "SELECT count(*) FROM relay")


def add(tx: Tx, entry: RelayEntry, password: str, seal_key: bytes) -> None:
    """Make the relay; ``password`` is "" for none. Raises AlreadyExists."""
    if find(tx, entry.name) is not None:
        raise AlreadyExists(
            f"there is a relay {entry.name} already; to change it run:"
            f" postroom relay set {entry.name}"
        )
    tx.execute(
        "INSERT INTO relay (id, name, host, port, tls, verify, login, secret, mechanism, preset,"
        " created) VALUES (:id, :name, :host, :port, :tls, :verify, :login, :secret, :mechanism,"
        " :preset, :created)",
        **_values(entry, password, seal_key),
    )


def change(tx: Tx, entry: RelayEntry, password: str | None, seal_key: bytes) -> None:
    """Write the entry over the one with its id and name; None keeps the password."""
    values = _values(entry, password or "", seal_key)
    del values["created"], values["name"]
    secret = "" if password is None else " secret = :secret,"
    if password is None:
        del values["secret"]
    tx.execute(
        "UPDATE relay SET host = :host, port = :port, tls = :tls, verify = :verify,"
        f" login = :login,{secret} mechanism = :mechanism, preset = :preset WHERE id = :id",
        **values,
    )


def remove(tx: Tx, entry: RelayEntry) -> None:
    """Forget the relay and its uses."""
    tx.execute("DELETE FROM relay WHERE id = :id", id=entry.id)


def uses(tx: Tx, ident: int) -> list[Use]:
    """What goes through a relay."""
    rows = tx.all(
        "SELECT kind, key FROM relay_use WHERE relay_id = :id ORDER BY kind, key", id=ident
    )
    return [Use(kind, key) for kind, key in rows]


def user(tx: Tx, use: Use) -> str:
    """The name of the relay that ``use`` goes through, or ""."""
    row = tx.one(
        "SELECT r.name FROM relay_use u JOIN relay r ON r.id = u.relay_id"
        " WHERE u.kind = :kind AND u.key = :key",
        kind=use.kind,
        key=use.key,
    )
    return str(row[0]) if row else ""


def put_use(tx: Tx, entry: RelayEntry, use: Use) -> None:
    """Send it through this relay, and through no other one."""
    tx.execute(
        "INSERT INTO relay_use (kind, key, relay_id) VALUES (:kind, :key, :relay)"
        " ON CONFLICT (kind, key) DO UPDATE SET relay_id = excluded.relay_id",
        kind=use.kind,
        key=use.key,
        relay=entry.id,
    )


def remove_use(tx: Tx, use: Use) -> None:
    """Send it through no relay of its own."""
    tx.execute(
        "DELETE FROM relay_use WHERE kind = :kind AND key = :key", kind=use.kind, key=use.key
    )


def follow(tx: Tx, old: str, new: str, *, keep_old: bool) -> None:
    """An own domain has a new name: its mail takes the same relay as before."""
    name = user(tx, Use("sender-domain", old))
    if not name:
        return
    put_use(tx, require(tx, name), Use("sender-domain", new))
    if not keep_old:
        remove_use(tx, Use("sender-domain", old))


def opened(tx: Tx, entry: RelayEntry, seal_key: bytes) -> Relay:
    """The relay with its password; raises StorageFailed when that can't be opened."""
    row = tx.one("SELECT secret FROM relay WHERE id = :id", id=entry.id)
    return _open(entry, bytes(row[0]) if row and row[0] is not None else None, seal_key)


class Relays:
    """All relays and their uses in memory, asked for every delivery."""

    def __init__(self, db: Reader, clock: Callable[[], int], secrets: Secrets) -> None:
        """``clock`` is UTC milliseconds."""
        self._secrets = secrets
        self._cache = Cache[None, _Table](db, clock, self._read)

    def hint(self) -> None:
        """The directory may have changed."""
        self._cache.hint()

    async def choose(
        self, sender_domain: str, recipient_domain: str, account_id: int | None
    ) -> Relay | None:
        """The relay for a letter, or None: straight to the domain's own servers.

        The domains are ``Domain.ascii``, "" for the null reverse-path. The order is: the
        recipient's domain, the account that sent it, the sender's domain, the default.
        Raises StorageFailed when the password of that relay can't be opened.
        """
        return (await self._cache.get(None)).choose(sender_domain, recipient_domain, account_id)

    async def of_recipients(self, domain: str) -> Relay | None:
        """The relay that was named for this recipient domain; raises like ``choose``."""
        return (await self._cache.get(None)).of_recipients(domain)

    async def by_name(self, name: str) -> Relay | None:
        """The relay of this name; raises StorageFailed like ``choose``."""
        return (await self._cache.get(None)).relay(name)

    def _read(self, tx: Tx, _key: None) -> "_Table":
        # The uses first: a relay that one of them names is there when the relays are read, or
        # is being removed.
        found = tx.all(
            "SELECT u.kind, u.key, r.name FROM relay_use u JOIN relay r ON r.id = u.relay_id"
        )
        table = _Table({(kind, key): name for kind, key, name in found}, {}, {})
        for row in tx.all(f"SELECT {_COLUMNS} FROM relay"):
            entry = _entry(row)
            try:
                secret = None if row[-1] is None else bytes(row[-1])
                table.relays[entry.name] = _open(entry, secret, self._secrets.seal)
            except StorageFailed as error:  # the other relays still work
                table.closed[entry.name] = error.detail
        return table


@dataclass(frozen=True, slots=True)
class _Table:
    """Names of relays by use, open relays by name, and why the others can't be opened."""

    uses: dict[tuple[str, str], str]
    relays: dict[str, Relay]
    closed: dict[str, str]

    def choose(self, sender: str, recipient: str, account_id: int | None) -> Relay | None:
        uses = self.uses
        if not uses:
            return None
        name = uses.get(("recipient-domain", recipient))
        if name is None and account_id is not None:
            name = uses.get(("account", str(account_id)))
        if name is None:
            name = uses.get(("sender-domain", sender)) or uses.get(("default", ""))
        return None if name is None else self.relay(name)

    def of_recipients(self, domain: str) -> Relay | None:
        name = self.uses.get(("recipient-domain", domain))
        return None if name is None else self.relay(name)

    def relay(self, name: str) -> Relay | None:
        if name in self.closed:
            raise StorageFailed(detail=self.closed[name])
        return self.relays.get(name)


def _open(entry: RelayEntry, secret: bytes | None, seal_key: bytes) -> Relay:
    password = ""
    if secret is not None:
        try:
            password = open_sealed(seal_key, secret, _context(entry.name)).decode()
        except StorageFailed as error:
            raise StorageFailed(
                detail=f"{error.detail}; run: postroom relay set {entry.name} --password-stdin"
            ) from None
    return Relay(**asdict(entry), password=password)


def _values(entry: RelayEntry, password: str, seal_key: bytes) -> dict[str, object]:
    return {
        "id": entry.id,
        "name": entry.name,
        "host": entry.host,
        "port": entry.port,
        "tls": entry.tls,
        "verify": int(entry.verify),
        "login": entry.login or None,
        "secret": seal(seal_key, password.encode(), _context(entry.name)) if password else None,
        "mechanism": entry.mechanism,
        "preset": entry.preset,
        "created": entry.created,
    }


def _context(name: str) -> bytes:
    return f"relay:{name}".encode()


def _entry(row: tuple[Any, ...]) -> RelayEntry:
    ident, name, host, port, tls, verify, login, mechanism, preset, created, secret = row
    return RelayEntry(
        id=ident,
        name=name,
        host=host,
        port=port,
        tls=tls,
        verify=bool(verify),
        login=login or "",
        mechanism=mechanism,
        preset=preset,
        created=created,
        has_password=secret is not None,
    )
